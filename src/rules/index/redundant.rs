//! Indexes that another one makes needless: the same once more, or the first columns of a longer one.

use super::build::of_parent;
use crate::rules::prelude::*;

rule!("index/redundant", Performance, Warn, Schema(check), fixable);

/// How one index stands for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cover {
    /// Nothing but the name differs.
    Same,
    /// The other is unique, or in the opposite order, and finds the same rows.
    Equal,
    /// The other goes on with further columns.
    Longer,
}

fn check(cx: &mut Cx) {
    for table in cx.user_tables() {
        for (at, index) in table.indexes.iter().enumerate() {
            let inherited = of_parent(cx, table, |_| index.at == table.created);
            if !inherited
                && comparable(cx, index)
                && let Some((cover, keeper)) = keeper(cx, table, at)
            {
                report(cx, table, index, keeper, cover);
            }
        }
    }
}

/// The catalog keeps no collations and no parameters of operator classes.
fn comparable(cx: &Cx, index: &Index) -> bool {
    index.method != "gist" && !cx.slice(index.at).to_ascii_lowercase().contains("collate")
}

/// The index that makes the one at a place needless; of two alike, one that serves a constraint stays, then the older one.
fn keeper<'t>(cx: &Cx, table: &'t Table, at: usize) -> Option<(Cover, &'t Index)> {
    let indexes = &table.indexes;
    let index = &indexes[at];
    let rank = |index: &Index| (index.primary, index.constraint.is_some(), index.unique);
    let stays = |other: usize, cover: Cover| match cover {
        Cover::Longer => true,
        _ if rank(&indexes[other]) != rank(index) => rank(&indexes[other]) > rank(index),
        _ => other < at,
    };
    // PostgreSQL makes one index of equal keys in one CREATE TABLE
    let merged = |known: &Index| {
        index.constraint.is_some()
            && known.constraint.is_some()
            && table.created.file == index.at.file
            && [index, known].iter().all(|one| table.created.span.contains(one.at.span))
    };
    let others = indexes.iter().enumerate().filter(|(other, known)| *other != at && comparable(cx, known) && !merged(known));
    let covers = others.filter_map(|(other, known)| Some((covers(cx, known, index)?, other, known)));
    covers
        .filter(|(cover, other, _)| stays(*other, *cover))
        .min_by_key(|(cover, other, _)| (*cover as u8, *other))
        .map(|(cover, _, known)| (cover, known))
}

fn covers(cx: &Cx, other: &Index, index: &Index) -> Option<Cover> {
    let plain = |text: &Option<Expression>| text.as_ref().map(|expr| normal(&cx.text(expr)));
    let alike = |a: &IndexColumn, b: &IndexColumn| {
        let same = if a.column.is_some() || b.column.is_some() {
            a.column == b.column
        } else {
            normal(&cx.text(&a.expr)) == normal(&cx.text(&b.expr))
        };
        same && a.opclass == b.opclass
    };
    let count = index.columns.len();
    let pairs = || other.columns.iter().zip(&index.columns);
    if other.method != index.method
        || other.columns.len() < count
        || !pairs().all(|(a, b)| alike(a, b))
        || plain(&other.predicate) != plain(&index.predicate)
    {
        return None;
    }
    let straight = pairs().all(|(a, b)| a.descending == b.descending && a.nulls_first == b.nulls_first);
    let reversed = pairs().all(|(a, b)| a.descending != b.descending && a.nulls_first != b.nulls_first);
    let whole = other.columns.len() == count;
    let unique = index.unique == other.unique && index.nulls_not_distinct == other.nulls_not_distinct;
    let options = index.method == "btree" || options(cx, index) == options(cx, other);
    let carried = index
        .include
        .iter()
        .all(|name| other.include.contains(name) || other.columns.iter().any(|column| column.column.as_ref() == Some(name)));
    match () {
        () if whole && straight && unique && options && index.include == other.include => Some(Cover::Same),
        // what else an index may enforce stays with it
        () if index.constraint.is_some() || index.unique && !(whole && unique) => None,
        () if index.method != "btree" || !(straight || reversed) || !carried => None,
        () if whole => Some(Cover::Equal),
        () => Some(Cover::Longer),
    }
}

/// `with (lists = 100)`: how an index of another method than btree is built decides what it finds.
fn options(cx: &Cx, index: &Index) -> Option<String> {
    let text = normal(cx.slice(index.at));
    let start = text.find("with(")?;
    text[start..].split(')').next().map(str::to_string)
}

/// The text of an expression without what PostgreSQL makes nothing of.
fn normal(text: &str) -> String {
    let mut out = String::new();
    let mut quote = None;
    for c in text.chars() {
        match quote {
            None if c.is_whitespace() => continue,
            None if c == '\'' || c == '"' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ => {}
        }
        if quote.is_none() { out.extend(c.to_lowercase()) } else { out.push(c) }
    }
    while out.starts_with('(') && closes_at_end(&out) {
        out = out[1..out.len() - 1].to_string();
    }
    out
}

/// Is the parenthesis that a text begins with the one it ends with?
fn closes_at_end(text: &str) -> bool {
    let mut depth = 0i32;
    text.char_indices()
        .find(|(_, c)| {
            depth += i32::from(*c == '(') - i32::from(*c == ')');
            depth == 0
        })
        .is_some_and(|(at, _)| at + 1 == text.len())
}

fn report(cx: &mut Cx, table: &Table, index: &Index, keeper: &Index, cover: Cover) {
    let (name, of) = (&index.name, &table.name);
    let message = match cover {
        Cover::Same => {
            format!("`{name}` of `{of}` is `{}` once more: each write of a row keeps up both, and a query uses one", keeper.name)
        }
        Cover::Equal if keeper.unique => format!(
            "`{name}` of `{of}` holds what `{}` holds, which is unique as well: each write keeps up both, and a query uses one",
            keeper.name
        ),
        Cover::Equal => {
            format!("`{name}` of `{of}` is `{}` in reverse, and PostgreSQL reads an index both ways: each write keeps up both", keeper.name)
        }
        Cover::Longer => format!(
            "`{name}` of `{of}` holds the first columns of `{}`, which serves the same queries: each write keeps up both",
            keeper.name
        ),
    };
    let steps = cure(cx, table, index);
    let mut group: Vec<&str> =
        table.indexes.iter().filter(|other| covers(cx, other, index) == Some(Cover::Same)).map(|other| other.name.as_str()).collect();
    group.sort_unstable();
    let draft = cx.report((table, index), index.named, message);
    draft.given(keeper.certainty).because(keeper.named, "covers it");
    match cover {
        Cover::Longer => draft.severity(Severity::Info).help(format!("drop `{name}`, unless queries need it for being smaller")),
        Cover::Same | Cover::Equal => draft.help(format!("drop `{name}`")),
    };
    if let Some(steps) = steps {
        draft.fix(Safety::Review, format!("Drop index `{name}`"), steps);
    }
    if cover == Cover::Same && table.kind == TableKind::Ordinary {
        draft.advisor("duplicate_index", format!("duplicate_index_{}_{}_{{{}}}", of.schema, of.name, group.join(",")));
    }
}

/// The statements that take it away; none where a foreign key may rest on it.
fn cure(cx: &Cx, table: &Table, index: &Index) -> Option<Vec<Step>> {
    let columns = index.plain_columns();
    let referred = index.unique
        && cx.catalog.tables.values().any(|other| {
            other.foreign_keys().any(|(_, key)| {
                key.table == table.name
                    && columns.as_ref().is_some_and(|columns| {
                        columns.len() == key.columns.len() && key.columns.iter().all(|name| columns.contains(&name.as_str()))
                    })
            })
        });
    if referred {
        return None;
    }
    let on = table.name.quoted();
    if let Some(constraint) = &index.constraint {
        let constraint = quote_ident(constraint);
        let list: Vec<String> = columns?.into_iter().map(quote_ident).collect();
        return Some(vec![
            Step::batch(Phase::Constraint, format!("alter table {on} drop constraint {constraint};"))
                .undo(format!("alter table {on} add constraint {constraint} unique ({});", list.join(", "))),
        ]);
    }
    let name = QName::new(table.name.schema.clone(), index.name.clone()).quoted();
    if table.kind == TableKind::Partitioned {
        return Some(vec![Step::batch(Phase::Index, format!("drop index {name};")).undo(definition(cx, table, index, ""))]);
    }
    Some(vec![Step::alone(Phase::Index, format!("drop index concurrently {name};")).undo(definition(cx, table, index, " concurrently"))])
}

/// The statement that makes it, in today's names.
fn definition(cx: &Cx, table: &Table, index: &Index, how: &str) -> String {
    let part = |part: &IndexColumn| {
        let mut out = match &part.column {
            Some(column) => quote_ident(column),
            None => format!("({})", cx.text(&part.expr)),
        };
        out.extend(part.opclass.iter().flat_map(|class| [" ", class.as_str()]));
        out.push_str(if part.descending { " desc" } else { "" });
        if part.nulls_first != part.descending {
            out.push_str(if part.nulls_first { " nulls first" } else { " nulls last" });
        }
        out
    };
    let list: Vec<String> = index.columns.iter().map(part).collect();
    let unique = if index.unique { " unique" } else { "" };
    let method = if index.method == "btree" { String::new() } else { format!("using {} ", index.method) };
    let mut out =
        format!("create{unique} index{how} {} on {} {method}({})", quote_ident(&index.name), table.name.quoted(), list.join(", "));
    if !index.include.is_empty() {
        let include: Vec<String> = index.include.iter().map(|name| quote_ident(name)).collect();
        out.push_str(&format!(" include ({})", include.join(", ")));
    }
    if index.nulls_not_distinct {
        out.push_str(" nulls not distinct");
    }
    if let Some(predicate) = &index.predicate {
        out.push_str(&format!(" where {}", cx.text(predicate)));
    }
    out + ";"
}
