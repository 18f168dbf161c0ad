//! Relationships between tables and views, and the relationship of an embedded resource, as PostgREST finds them.
//! Source: PostgREST's documentation, "Resource Embedding", and its modules `SchemaCache` and `Plan`.

use crate::analysis::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Relationship from a table or view to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Relationship {
    pub from: QName,
    pub to: QName,
    pub kind: Kind,
    /// Foreign key, or the two foreign keys of a junction table.
    pub constraints: Vec<SmolStr>,
    /// Columns of `from` with the columns of `to`. Empty for a many-to-many or computed relationship.
    pub columns: Vec<(SmolStr, SmolStr)>,
    /// Location of the foreign key or function.
    pub at: Site,
    pub certain: bool,
    to_is_view: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    ManyToOne,
    OneToMany,
    OneToOne,
    ManyToMany {
        junction: QName,
    },
    /// A function returns the related rows.
    Computed {
        function: QName,
    },
}

impl Relationship {
    /// Returns whether each row is related to at most one row.
    pub fn is_to_one(&self) -> Option<bool> {
        match self.kind {
            Kind::ManyToOne | Kind::OneToOne => Some(true),
            Kind::OneToMany | Kind::ManyToMany { .. } => Some(false),
            Kind::Computed { .. } => None,
        }
    }

    /// Returns the hint that selects the relationship, such as `posts_author_id_fkey`.
    pub fn hint(&self) -> Option<&SmolStr> {
        match &self.kind {
            Kind::ManyToMany { junction } => Some(&junction.name),
            Kind::Computed { .. } => None,
            Kind::ManyToOne | Kind::OneToMany | Kind::OneToOne => self.constraints.first(),
        }
    }

    /// Returns whether a name stands for this relationship in a `select` list.
    fn is_named(&self, target: &str, hint: Option<&str>) -> bool {
        if let Kind::Computed { function } = &self.kind {
            return function.name == target;
        }
        let is_key = !matches!(self.kind, Kind::ManyToMany { .. });
        let column = |name: &str| is_key && matches!(self.columns.as_slice(), [(own, _)] if own == name);
        let foreign_column = |name: &str| is_key && matches!(self.columns.as_slice(), [(_, foreign)] if foreign == name);
        let constraint = |name: &str| is_key && self.constraints.iter().any(|constraint| constraint == name);
        let junction = |name: &str| matches!(&self.kind, Kind::ManyToMany { junction } if junction.name == name);
        if self.from == self.to {
            return match hint {
                None => target == self.to.name && self.kind == Kind::OneToMany || column(target) && self.kind == Kind::ManyToOne,
                Some(hint) => target == self.to.name && self.kind == Kind::OneToMany && foreign_column(hint),
            };
        }
        match hint {
            None => target == self.to.name || !self.to_is_view && (constraint(target) || column(target)),
            Some(hint) => target == self.to.name && (constraint(hint) || column(hint) || foreign_column(hint) || junction(hint)),
        }
    }
}

/// All relationships, by their origin.
#[derive(Default)]
pub struct Relationships {
    from: BTreeMap<QName, Vec<Relationship>>,
    /// Views of which some columns have an unknown origin, so that relationships may be missing.
    partly_known: BTreeSet<QName>,
}

impl Relationships {
    pub fn of<'a>(cx: &State<'a>) -> &'a Relationships {
        cx.analyses().relationships.get_or_init(|| Relationships::find(cx))
    }

    /// Returns the relationships that a name in the `select` list of `origin` can stand for. PostgREST rejects none and several.
    pub fn named(&self, origin: &QName, target: &str, hint: Option<&str>) -> Vec<&Relationship> {
        let schema = &origin.schema;
        let is_visible = |relationship: &&Relationship| match &relationship.kind {
            Kind::Computed { function } => function.schema == *schema,
            _ => relationship.to.schema == *schema,
        };
        self.from(origin).iter().filter(is_visible).filter(|relationship| relationship.is_named(target, hint)).collect()
    }

    pub fn from(&self, origin: &QName) -> &[Relationship] {
        self.from.get(origin).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns whether a relation can have relationships that are unknown.
    pub fn is_partly_known(&self, relation: &QName) -> bool {
        self.partly_known.contains(relation)
    }

    fn find(cx: &State) -> Relationships {
        let mut partly_known = BTreeSet::new();
        let mut views: Vec<ViewColumns> = Vec::new();
        for view in cx.catalog.views.values() {
            let (columns, whole) = view_columns(cx, view, 0);
            if !whole {
                partly_known.insert(view.name.clone());
            }
            views.push(ViewColumns { view: &view.name, columns });
        }
        let keys: Vec<Relationship> = cx.catalog.tables.values().flat_map(|table| keys_of(cx, table)).collect();
        let mut all = keys.clone();
        for key in &keys {
            all.extend(keys_of_views(key, &views));
        }
        let many = many_to_many(cx, &all);
        let inverse: Vec<Relationship> = all.iter().map(|key| inverted(cx, key)).collect();
        all.extend(many);
        all.extend(inverse);
        let computed = computed(cx);
        // a function replaces the relationships to a relation of its name
        all.retain(|one| {
            !computed.iter().any(|own| own.from == one.from && matches!(&own.kind, Kind::Computed { function } if *function == one.to))
        });
        let mut from: BTreeMap<QName, Vec<Relationship>> = BTreeMap::new();
        for relationship in all.into_iter().chain(computed) {
            from.entry(relationship.from.clone()).or_default().push(relationship);
        }
        Relationships { from, partly_known }
    }
}

/// Returns the foreign keys of a table. Those of partitions belong to the partitioned table.
fn keys_of(cx: &State, table: &Table) -> Vec<Relationship> {
    let foreign_keys = table.foreign_keys().filter(|_| table.partition_of.is_none());
    let relationship = |(constraint, key): (&Constraint, &ForeignKey)| {
        let own: BTreeSet<&SmolStr> = constraint.columns.iter().collect();
        let is_unique = |other: &&Constraint| {
            matches!(other.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique)
                && other.columns.iter().collect::<BTreeSet<_>>() == own
        };
        let unique = table.constraints.iter().find(is_unique);
        let referenced = match key.columns.is_empty() {
            true => cx.catalog.table(&key.table).and_then(Table::primary_key).map(|key| key.columns.clone()).unwrap_or_default(),
            false => key.columns.clone(),
        };
        let certain = constraint.certainty == Certainty::Certain
            && table.certainty == Certainty::Certain
            && unique.is_none_or(|unique| unique.certainty == Certainty::Certain);
        Relationship {
            from: table.name.clone(),
            to: key.table.clone(),
            kind: if unique.is_some() { Kind::OneToOne } else { Kind::ManyToOne },
            constraints: vec![constraint.name.clone()],
            columns: constraint.columns.iter().cloned().zip(referenced).collect(),
            at: constraint.at,
            certain,
            to_is_view: false,
        }
    };
    foreign_keys.map(relationship).collect()
}

fn inverted(cx: &State, key: &Relationship) -> Relationship {
    Relationship {
        from: key.to.clone(),
        to: key.from.clone(),
        kind: if key.kind == Kind::ManyToOne { Kind::OneToMany } else { key.kind.clone() },
        columns: key.columns.iter().map(|(own, foreign)| (foreign.clone(), own.clone())).collect(),
        to_is_view: cx.catalog.views.contains(&key.from),
        ..key.clone()
    }
}

/// Columns of a view with the columns of tables that they show.
struct ViewColumns<'a> {
    view: &'a QName,
    columns: Vec<(SmolStr, QName, SmolStr)>,
}

impl ViewColumns<'_> {
    /// Returns the lists of columns that show the given columns of a table, one for each combination.
    fn showing(&self, table: &QName, columns: &[&SmolStr]) -> Vec<Vec<SmolStr>> {
        const MOST: usize = 8;
        let mut lists: Vec<Vec<SmolStr>> = vec![Vec::new()];
        for wanted in columns {
            let shown: Vec<&SmolStr> =
                self.columns.iter().filter(|(_, of, column)| of == table && column == *wanted).map(|(name, ..)| name).collect();
            lists =
                lists.iter().flat_map(|list| shown.iter().map(|name| [list.as_slice(), &[(*name).clone()]].concat())).take(MOST).collect();
        }
        lists
    }
}

/// Returns the relationships that views have because they show the columns of a foreign key.
fn keys_of_views(key: &Relationship, views: &[ViewColumns]) -> Vec<Relationship> {
    let (own, foreign): (Vec<&SmolStr>, Vec<&SmolStr>) = key.columns.iter().map(|(own, foreign)| (own, foreign)).unzip();
    if own.is_empty() {
        return Vec::new();
    }
    let shown = |table: &QName, columns: &[&SmolStr]| -> Vec<(QName, Vec<SmolStr>)> {
        views.iter().flat_map(|view| view.showing(table, columns).into_iter().map(|list| (view.view.clone(), list))).collect()
    };
    let from_views = shown(&key.from, &own);
    let to_views = shown(&key.to, &foreign);
    let mut out = Vec::new();
    for (view, columns) in &from_views {
        let columns = columns.iter().cloned().zip(foreign.iter().map(|name| (*name).clone())).collect();
        out.push(Relationship { from: view.clone(), columns, ..key.clone() });
    }
    for (view, columns) in &to_views {
        let columns = own.iter().map(|name| (*name).clone()).zip(columns.iter().cloned()).collect();
        out.push(Relationship { to: view.clone(), columns, to_is_view: true, ..key.clone() });
    }
    for (from, own) in &from_views {
        for (to, foreign) in &to_views {
            let columns = own.iter().cloned().zip(foreign.iter().cloned()).collect();
            out.push(Relationship { from: from.clone(), to: to.clone(), columns, to_is_view: true, ..key.clone() });
        }
    }
    out
}

/// Returns the relationships through tables whose primary key contains two foreign keys.
fn many_to_many(cx: &State, keys: &[Relationship]) -> Vec<Relationship> {
    let mut by_table: BTreeMap<&QName, Vec<&Relationship>> = BTreeMap::new();
    for key in keys.iter().filter(|key| key.kind == Kind::ManyToOne) {
        by_table.entry(&key.from).or_default().push(key);
    }
    let is_served = |name: &QName| cx.config().exposed_schemas.iter().any(|schema| *schema == name.schema);
    let mut out = Vec::new();
    for (junction, keys) in by_table {
        // a view shows the primary key of its table under any names, so its relationships are uncertain
        let table = cx.catalog.table(junction);
        let primary_key = table.and_then(Table::primary_key);
        if !is_served(junction) || table.is_some() && primary_key.is_none() {
            continue;
        }
        let in_key =
            |key: &Relationship| primary_key.is_none_or(|primary| key.columns.iter().all(|(own, _)| primary.columns.contains(own)));
        let keys: Vec<&Relationship> = keys.into_iter().filter(|key| in_key(key)).collect();
        for one in &keys {
            for other in keys.iter().filter(|other| other.constraints != one.constraints) {
                out.push(Relationship {
                    from: one.to.clone(),
                    to: other.to.clone(),
                    kind: Kind::ManyToMany { junction: junction.clone() },
                    constraints: [one.constraints.as_slice(), &other.constraints].concat(),
                    columns: Vec::new(),
                    at: other.at,
                    certain: table.is_some()
                        && one.certain
                        && other.certain
                        && primary_key.is_some_and(|key| key.certainty == Certainty::Certain),
                    to_is_view: other.to_is_view,
                });
            }
        }
    }
    out
}

/// Returns the relationships that functions from a row to rows define.
fn computed<'a>(cx: &State<'a>) -> Vec<Relationship> {
    let is_relation = |name: &&QName| cx.catalog.tables.contains(name) || cx.catalog.views.contains(name);
    let mut out = Vec::new();
    for function in cx.catalog.functions.values().flatten() {
        let mut inputs = function.inputs();
        let (Some(argument), None, Some(returns)) = (inputs.next(), inputs.next(), &function.returns) else { continue };
        let rows = |ty: &'a DataType| ty.user.as_deref().filter(|_| !ty.array).filter(is_relation);
        let (Some(from), Some(to)) = (rows(&argument.ty), rows(returns)) else { continue };
        out.push(Relationship {
            from: from.clone(),
            to: to.clone(),
            kind: Kind::Computed { function: function.name.clone() },
            constraints: Vec::new(),
            columns: Vec::new(),
            at: function.named,
            certain: function.certainty == Certainty::Certain,
            to_is_view: cx.catalog.views.contains(to),
        });
    }
    out
}

/// Returns the columns of tables that a view shows unchanged, and whether the origins of all columns are known.
fn view_columns(cx: &State, view: &View, depth: usize) -> (Vec<(SmolStr, QName, SmolStr)>, bool) {
    const DEEPEST: usize = 16;
    let Some(query) = view.query.as_deref().filter(|_| depth < DEEPEST && view.columns_known) else { return (Vec::new(), false) };
    // PostgREST finds no keys in the columns of UNION, INTERSECT and EXCEPT
    let Some(select) = query.select() else { return (Vec::new(), false) };
    let has_star = select.targets.iter().any(|target| matches!(target.expr.kind, ExprKind::Star { .. }));
    let (mut out, mut whole) = (Vec::new(), true);
    let mut show = |name: &SmolStr, relation: QName, column: &str| {
        if let Some(inner) = cx.catalog.views.get(&relation) {
            let (columns, is_whole) = view_columns(cx, inner, depth + 1);
            whole &= is_whole;
            out.extend(columns.into_iter().filter(|(shown, ..)| shown == column).map(|(_, table, column)| (name.clone(), table, column)));
        } else {
            out.push((name.clone(), relation, column.into()));
        }
    };
    let mut unknown = false;
    for (at, target) in select.targets.iter().enumerate() {
        match &target.expr.kind {
            ExprKind::Column { path, binding: Binding::Column { depth: 0, relation: Some(relation) } } => {
                let Some(column) = path.last() else { continue };
                let own = target.alias.as_ref().unwrap_or(column);
                let name = if has_star { Some(own) } else { view.columns.get(at).map(|column| &column.name) };
                if let Some(name) = name {
                    show(name, QName::new(relation.0.clone(), relation.1.clone()), column);
                }
            }
            ExprKind::Column { .. } => unknown = true,
            ExprKind::Star { qualifier } => {
                for item in select.from.iter().flat_map(FromItem::tables) {
                    if qualifier.last().is_some_and(|wanted| item.reference() != Some(wanted)) {
                        continue;
                    }
                    let FromRelation::Table { bound: Some(bound), .. } = &item.relation else {
                        unknown = true;
                        continue;
                    };
                    let relation = QName::new(bound.0.clone(), bound.1.clone());
                    let Some(columns) = cx.catalog.columns(&relation) else {
                        unknown = true;
                        continue;
                    };
                    for column in columns.iter().filter(|column| view.columns.iter().any(|shown| shown.name == **column)) {
                        show(column, relation.clone(), column);
                    }
                }
            }
            _ => {}
        }
    }
    (out, whole && !unknown)
}
