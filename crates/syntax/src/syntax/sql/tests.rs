//! Tests of each syntax form that `sqlparser` parses, and of rejected forms.

use super::super::expression::*;
use super::super::lexer::tokens;
use super::*;

fn try_expr(text: &str) -> Result<Expr> {
    let tokens = tokens(text);
    expression(&mut Cursor::new(text, &tokens), tokens.len())
}

fn expr(text: &str) -> Expr {
    try_expr(text).unwrap_or_else(|error| panic!("{text}: {}", error.message))
}

fn try_data(text: &str) -> Result<Data> {
    let tokens = tokens(text);
    data(&mut Cursor::new(text, &tokens), tokens.len())
}

fn read_data(text: &str) -> Data {
    try_data(text).unwrap_or_else(|error| panic!("{text}: {}", error.message))
}

fn read_query(text: &str) -> Query {
    let tokens = tokens(text);
    query(&mut Cursor::new(text, &tokens), tokens.len()).unwrap_or_else(|error| panic!("{text}: {}", error.message))
}

fn select(text: &str) -> Select {
    read_query(text).select().cloned().unwrap_or_else(|| panic!("{text}"))
}

fn insert(text: &str) -> Insert {
    match read_data(text) {
        Data::Insert(insert) => *insert,
        other => panic!("{other:?}"),
    }
}

/// Returns the texts of all nodes, beginning with the outermost one.
fn texts(text: &str) -> Vec<&str> {
    expr(text).all().into_iter().map(|expr| expr.span.of(text)).collect()
}

/// Returns the name of a call and the texts of its arguments.
fn call(text: &str) -> (String, Vec<String>) {
    let expr = expr(text);
    assert_eq!(expr.span.of(text), text);
    let call = expr.as_call().unwrap_or_else(|| panic!("{text}"));
    let args = call.args.iter().map(|arg| arg.value.as_str().map_or(arg.value.span.of(text), |value| value).to_string()).collect();
    (call.name.to_string(), args)
}

fn op(text: &str) -> String {
    match expr(text).kind {
        ExprKind::Binary { op, .. } => op.to_string(),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn spans_are_the_text_of_their_nodes() {
    assert_eq!(texts("a.b = ( c + 1 )"), ["a.b = ( c + 1 )", "a.b", "c + 1", "c", "1"]);
    assert_eq!(texts("(a) and not (b)"), ["(a) and not (b)", "a", "not (b)", "b"]);
    assert_eq!(texts("auth.uid( ) = x"), ["auth.uid( ) = x", "auth.uid( )", "x"]);
    assert_eq!(texts("(a.b)::numeric ( 10, 2 ) [] is null"), ["(a.b)::numeric ( 10, 2 ) [] is null", "(a.b)::numeric ( 10, 2 ) []", "a.b"]);
    assert_eq!(texts("cast( (a) as text)"), ["cast( (a) as text)", "a"]);
    assert_eq!(texts("x in (1, (2))"), ["x in (1, (2))", "x", "1", "2"]);
    assert_eq!(texts("array[ array[]::int[] , b ]"), ["array[ array[]::int[] , b ]", "array[]::int[]", "array[]", "b"]);
    assert_eq!(texts("case when a then b end || c"), ["case when a then b end || c", "case when a then b end", "a", "b", "c"]);
    assert_eq!(texts("x between (1) and 2 and y"), ["x between (1) and 2 and y", "x between (1) and 2", "x", "1", "2", "y"]);
    assert_eq!(texts("a collate \"C\" < b"), ["a collate \"C\" < b", "a", "b"]);
    assert_eq!(texts("a isnull or b notnull"), ["a isnull or b notnull", "a isnull", "a", "b notnull", "b"]);
    assert_eq!(texts("a ~ b || c"), ["a ~ b || c", "a ~ b", "a", "b", "c"]);
    assert_eq!(texts("(t.c).f[1]"), ["(t.c).f[1]", "(t.c).f", "t.c", "1"]);
    assert_eq!(texts("sum(x) filter (where y) over (partition by z)"), ["sum(x) filter (where y) over (partition by z)", "x", "y", "z"]);
    let text = "not exists ( select 1 from t where (select 2) = 3 )";
    let all = expr(text);
    assert_eq!(all.span.of(text), text);
    assert_eq!(
        all.queries().iter().map(|query| query.span.of(text)).collect::<Vec<_>>(),
        ["select 1 from t where (select 2) = 3", "select 2"]
    );
}

#[test]
fn names_are_folded_and_multibyte_text_keeps_its_bytes() {
    let text = "\"Größe\" = T.Größe and 'ä' = $$ü$$";
    let expr = expr(text);
    assert_eq!(expr.all().iter().filter_map(|expr| expr.column()).collect::<Vec<_>>(), ["Größe", "größe"]);
    assert_eq!(expr.all().iter().filter_map(|expr| expr.as_str()).collect::<Vec<_>>(), ["ä", "ü"]);
    assert_eq!(expr.span.of(text), text);
}

#[test]
fn functions_with_words_between_their_arguments_are_calls() {
    for (text, name, args) in [
        ("extract(epoch FROM now())", "extract", vec!["epoch", "now()"]),
        ("position(a IN b)", "position", vec!["a", "b"]),
        ("substring(a FROM 2 FOR 3)", "substring", vec!["a", "2", "3"]),
        ("overlay(a PLACING 'x' FROM 1)", "overlay", vec!["a", "x", "1"]),
        ("trim(LEADING 'x' FROM y)", "ltrim", vec!["y", "x"]),
        ("trim(y)", "btrim", vec!["y"]),
        ("trim(BOTH FROM y)", "btrim", vec!["y"]),
        ("ceil(1.5)", "ceil", vec!["1.5"]),
        ("coalesce(a, b)", "coalesce", vec!["a", "b"]),
        ("current_date", "current_date", vec![]),
        ("left(a, 1)", "left", vec!["a", "1"]),
        ("f(a => 1, b := 2)", "f", vec!["1", "2"]),
        ("xmltable('/a' PASSING x COLUMNS y int)", "xmltable", vec!["/a", "x"]),
    ] {
        assert_eq!(call(text), (name.to_string(), args.into_iter().map(String::from).collect()), "{text}");
    }
}

#[test]
fn operators_keep_their_words() {
    for (text, expected) in [
        ("a ->> 'b'", "->>"),
        ("a ? 'b'", "?"),
        ("a @> b", "@>"),
        ("a operator(pg_catalog.+) b", "+"),
        ("a != b", "<>"),
        ("a NOT ILIKE b", "not ilike"),
        ("a similar to b escape '#'", "similar to"),
        ("a at time zone 'utc'", "at time zone"),
        ("a is not distinct from b", "is not distinct from"),
        ("a <=> b", "<=>"),
    ] {
        assert_eq!(op(text), expected, "{text}");
    }
    for (text, expected) in
        [("a = any (b)", "="), ("a @> all (b)", "@>"), ("a not like any (array['x'])", "not like"), ("a = some (select 1)", "=")]
    {
        match expr(text) {
            Expr { kind: ExprKind::Quantified { op, .. }, span } => assert_eq!((op.as_str(), span.of(text)), (expected, text)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn typed_literals_are_casts() {
    for (text, canonical, value) in [
        ("interval '1' day", "interval", "1"),
        ("timestamp with time zone '2020-01-01'", "timestamp with time zone", "2020-01-01"),
        ("public.mood 'sad'", "public.mood", "sad"),
        ("'a'\n'b'::text", "text", "ab"),
        ("E'\\n'::\"char\"", "\"char\"", "\n"),
    ] {
        let read = expr(text);
        let ExprKind::Cast { to, .. } = &read.kind else { panic!("{text}") };
        assert_eq!((to.canonical().as_str(), read.as_str(), read.span.of(text)), (canonical, Some(value), text));
    }
}

#[test]
fn words_of_other_dialects_are_names() {
    let text = "select key, format, view as end, top \"x\", settings from groups sort join connect on true";
    assert_eq!(select(text).targets.iter().filter_map(|target| target.expr.column()).count(), 5);
    assert_eq!(select(text).from.iter().map(|item| item.reference()).collect::<Vec<_>>(), [Some("sort"), Some("connect")]);
}

#[test]
fn joins_are_flattened() {
    let text = "select * from a x, b left join lateral f(x.i) with ordinality as g(v, n) on true natural join (c cross join d) as j, rows from (f(1), g(2)) r";
    let from = select(text).from;
    let joins: Vec<_> = from.iter().map(|item| (item.span.of(text), item.join, item.reference())).collect();
    assert_eq!(
        joins,
        [
            ("a x", None, Some("x")),
            ("b", None, Some("b")),
            ("lateral f(x.i) with ordinality as g(v, n)", Some(JoinKind::Left), Some("g")),
            ("(c cross join d) as j", Some(JoinKind::Inner), Some("j")),
            ("rows from (f(1), g(2)) r", None, Some("r")),
        ]
    );
    assert!(from[2].lateral && from[3].natural && from[3].tables().len() == 2);
    assert_eq!(from[2].column_aliases, ["v", "n"]);
    let FromRelation::Function { calls, .. } = &from[4].relation else { panic!() };
    assert_eq!(calls.len(), 2);
}

#[test]
fn record_functions_name_their_columns() {
    let text = "select * from jsonb_to_recordset(x) as (a int, b timestamp with time zone[]) , f() t(c varchar(3) collate \"C\")";
    let from = select(text).from;
    assert_eq!((from[0].reference(), from[0].column_aliases.len()), (Some("jsonb_to_recordset"), 2));
    assert_eq!((from[1].reference(), from[1].span.of(text)), (Some("t"), "f() t(c varchar(3) collate \"C\")"));
}

#[test]
fn clauses_of_a_select() {
    let query = read_query(
        "with recursive r(n) as materialized (select 1), d as (delete from t returning *) select distinct on (a) a, count(*) over w into temp x \
         from only t group by grouping sets ((a, b), rollup (c), ()) having true window w as (partition by z) order by a desc nulls last \
         offset 5 rows fetch next 3 rows only for no key update of t, u skip locked",
    );
    assert!(query.recursive && query.locks && query.limit.is_some() && query.offset.is_some());
    assert!(matches!(query.with[1].body, Data::Delete(_)));
    assert_eq!(query.order_by[0].nulls_first, Some(false));
    let select = query.select().expect("a select");
    assert_eq!((select.group_by.len(), select.distinct_on.len()), (3, 1));
    assert_eq!(select.into.as_ref().map(|name| name.to_string()).as_deref(), Some("pg_temp.x"));
    let over = select.targets[1].expr.as_call().and_then(|call| call.over.as_ref());
    assert_eq!(over.map(Vec::len), Some(1));
}

#[test]
fn queries_in_every_wrapping() {
    for (text, inner) in [("((select 1))", "select 1"), ("table foo", "table foo"), ("values (1), (2)", "values (1), (2)")] {
        assert_eq!(read_query(text).span.of(text), inner);
    }
    let text = "(select 1) union all (select 2) order by 1";
    assert_eq!((read_query(text).span.of(text), read_query(text).body.selects().len()), (text, 2));
}

#[test]
fn inserts() {
    let text = "insert into s.t as x (a, \"B\") overriding system value select 1, 2 on conflict (a, b) do update set a = excluded.a, (b, c) = row(1, 2) where x.a > 1 returning id as i";
    let read = insert(text);
    assert_eq!(read.source.as_ref().map(|query| query.span.of(text)), Some("select 1, 2"));
    assert_eq!(read.columns.iter().map(|column| column.span.of(text)).collect::<Vec<_>>(), ["a", "\"B\""]);
    let conflict = read.on_conflict.expect("a conflict clause");
    assert_eq!((conflict.columns.len(), conflict.inexact, conflict.update.map(|update| update.len())), (2, false, Some(2)));
    assert!(conflict.filter.is_some() && read.returning[0].alias.as_deref() == Some("i"));
    for text in
        ["insert into t values (1) on conflict (lower(a)) do nothing", "insert into t values (1) on conflict (a) where b do nothing"]
    {
        assert!(insert(text).on_conflict.is_some_and(|conflict| conflict.inexact), "{text}");
    }
    assert!(insert("insert into t default values").source.is_none());
    let named = insert("insert into t values (default) on conflict on constraint k do nothing").on_conflict.expect("a conflict clause");
    assert_eq!(named.constraint.map(|constraint| constraint.name.to_string()).as_deref(), Some("k"));
}

#[test]
fn updates_deletes_and_merges() {
    let text = "with w as (select 1) update only t as x set a = default, (b, c) = (select 1, 2), d.e = 3 from u, v where x.id = u.id returning x.*";
    let Data::Update(update) = read_data(text) else { panic!() };
    assert_eq!((update.with.len(), update.table.span.of(text), update.assignments.len(), update.from.len()), (1, "t as x", 3, 2));
    let Data::Delete(delete) = read_data("delete from t using u where t.id = u.id") else { panic!() };
    assert_eq!((delete.using.len(), delete.filter.is_some()), (1, true));
    let merge = "merge into t using (select 1 as id) s on t.id = s.id when matched and s.x then update set a = s.a when not matched then insert (a) values (s.a)";
    let Data::Merge { source, exprs, .. } = read_data(merge) else { panic!() };
    assert_eq!((source.reference(), exprs.len()), (Some("s"), 4));
}

#[test]
fn forms_that_are_seldom_seen() {
    for (text, name, args) in [
        ("xmlparse(document x)", "xmlparse", ["x"].as_slice()),
        ("xmlparse(content x preserve whitespace)", "xmlparse", &["x"]),
        ("xmlexists('//a' passing by value x)", "xmlexists", &["//a", "x"]),
        ("xmlexists('//a' passing x by ref)", "xmlexists", &["//a", "x"]),
        ("collation for (x)", "pg_collation_for", &["x"]),
    ] {
        assert_eq!(call(text), (name.to_string(), args.iter().map(ToString::to_string).collect()), "{text}");
    }
    let text = "select * from only (s.t) as x, only (u) join only (v) on true, only w";
    assert_eq!(select(text).from.iter().map(|item| item.reference()).collect::<Vec<_>>(), [Some("x"), Some("u"), Some("v"), Some("w")]);
    let read = insert("insert into s.t (a[1], b[2], c) values (1, 2, array[3])");
    assert_eq!((read.in_parts, read.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>()), (true, vec!["a", "b", "c"]));
    let Data::Update(update) = read_data("update t set a[1][2] = x[3], b = y[4], c[5:6] = z from (select v[7], w[8] = 9) s") else {
        panic!()
    };
    let values: Vec<bool> = update.assignments.iter().map(|one| matches!(one.value.kind, ExprKind::Index { .. })).collect();
    assert_eq!(values, [true, true, false]);
    assert!(try_expr(".a (b[1])").is_err());
    let text = "update t set a = 1 where current of c";
    let Data::Update(update) = read_data(text) else { panic!() };
    let filter = update.filter.expect("a condition");
    assert_eq!((filter.span.of(text), filter.kind), ("current of c", ExprKind::Other(Vec::new())));
    let merge = "merge into t using s on s.id = t.id when matched then do nothing when not matched then insert default values";
    assert!(matches!(read_data(merge), Data::Merge { .. }));
}

#[test]
fn what_cannot_be_read_says_where() {
    for (text, at, message) in [
        ("a +", "", "syntax error at end of input"),
        ("a = = b", "= b", "syntax error at or near \"=\""),
        ("a) or (b", ") or (b", "syntax error at or near \")\""),
        ("(a", "", "syntax error at end of input"),
        ("a b", "b", "syntax error at or near \"b\""),
        ("'x", "'x", "unterminated quoted string"),
        ("a::", "", "syntax error at end of input"),
    ] {
        let error = try_expr(text).expect_err(text);
        assert_eq!((&text[error.span.start as usize..], error.message.as_str()), (at, message), "{text}");
    }
    assert!(try_data("select 1 2").is_err() && try_data("create table t ()").is_err() && try_data("").is_err());
}

/// Runs a test with the stack size of a main thread.
fn on_main_stack(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(8 << 20).spawn(run).expect("a thread");
    assert!(thread.join().is_ok());
}

#[test]
fn hostile_depth_is_refused_not_followed() {
    on_main_stack(|| {
        const MANY: usize = 100_000;
        for text in [
            format!("{}1{}", "(".repeat(MANY), ")".repeat(MANY)),
            format!("{}1{}", "f(".repeat(MANY), ")".repeat(MANY)),
            format!("{}1{}", "array[".repeat(MANY), "]".repeat(MANY)),
            "(".repeat(MANY),
            format!("1{}", " + 1".repeat(5 * MANY)),
            format!("a{}", " AND a".repeat(5 * MANY)),
            format!("a{}", " || b".repeat(5 * MANY)),
            format!("a{}", "::int".repeat(MANY)),
            format!("a{}", "[1]".repeat(MANY)),
            format!("a{}", " is null".repeat(MANY)),
            format!("{}1", "- ".repeat(MANY)),
            format!("{}a", "not ".repeat(MANY)),
            format!("{}1{}", "case when ".repeat(MANY), " then 1 end".repeat(MANY)),
            format!("{}1{}", "(select ".repeat(MANY), ")".repeat(MANY)),
            format!("(select 1{})", " union select 1".repeat(MANY)),
        ] {
            assert!(try_expr(&text).is_err(), "{}", &text[..20]);
        }
        let joined = format!("select * from {}a{}", "(".repeat(MANY), ")".repeat(MANY));
        assert!(try_data(&joined).is_err());
        assert!(try_data(&format!("select * from a{}", " join a".repeat(MANY))).is_err());
        assert!(try_data(&format!("select * from a{}", " cross join a".repeat(MANY / 10))).is_ok());
        assert!(try_data(&format!("insert into t values (1{})", " + 1".repeat(MANY))).is_err());
    });
}

#[test]
fn depth_within_the_bounds_needs_no_stack_of_the_caller() {
    for (open, close) in [
        ("(", ")"),
        ("f(a => ", ")"),
        ("array[", "]"),
        ("(select ", ")"),
        ("case when a then ", " end"),
        ("- ", ""),
        ("not ", ""),
        ("x in (", ")"),
        ("exists (select 1 from t where ", ")"),
        ("(with x as (select ", ") select 1)"),
        ("(select * from (select a from t where ", ") x)"),
        ("cast(", " as int)"),
    ] {
        let levels = open.matches(['(', '[']).count() + open.matches("case").count();
        for depth in [30 / levels.max(1), 62 / levels.max(1)] {
            let text = format!("{}a{}", open.repeat(depth), close.repeat(depth));
            assert!(try_expr(&text).is_ok() || depth * levels > 30, "{text}: {:?}", try_expr(&text).err());
        }
    }
    // nesting by precedence may be rejected, but it must not exhaust the stack
    let _ = try_expr(&format!("{}a{}", "a or b and not c = d + e * f ^ - (".repeat(60), ")".repeat(60)));
    let nested = format!("select * from {}a{}", "(".repeat(30), " cross join b)".repeat(30));
    assert!(try_data(&nested).is_ok());
    assert!(try_data("select * from a join b join c join d join e on 1 on 2 on 3 on 4").is_ok());
}

#[test]
fn long_lists_and_chains_are_read() {
    let chain = format!("a{}", " || a".repeat(900));
    assert_eq!(expr(&chain).span.of(&chain), chain);
    let cases = format!("case {} end", "when a = 1 then b ".repeat(4_000));
    assert!(try_expr(&cases).is_ok());
    let list = format!("a in (1{})", ", 1".repeat(20_000));
    assert!(try_expr(&list).is_ok());
    let joins = format!("select * from a{}", " join b on a.x = b.x".repeat(200));
    assert_eq!(select(&joins).from.len(), 201);
}

#[test]
fn of_many_rows_the_first_are_kept_and_all_are_read() {
    let row = "(1, 'some text', now() - interval '1 day', default, '{\"a\": 1}'::jsonb),\n";
    let head = "insert into t (a, b, c, d, e) values\n";
    let tail = "(2, 'last', null, true, null) on conflict (a) do nothing returning a";
    let text = format!("{head}{}{tail}", row.repeat(3_000));
    let read = insert(&text);
    assert!(read.on_conflict.is_some() && read.returning.len() == 1);
    let source = read.source.expect("rows");
    assert!(matches!(&source.body, SetExpr::Values(rows) if rows.len() == 200));
    assert!(source.span.of(&text).ends_with("(2, 'last', null, true, null)"));
    let broken = format!("{head}{}(1, + , 2), {tail}", row.repeat(3_000));
    let error = try_data(&broken).expect_err("a broken row");
    assert!(broken[error.span.start as usize..].starts_with(", 2)"));
}

#[test]
fn clauses_of_sql_json_and_xml_are_passed_over() {
    for text in [
        "json_object('a': '1', 'b': null absent on null)",
        "json_object('a' value 1, (b || 'c') value 2 with unique keys returning jsonb format json encoding utf8)",
        "json_object(returning json format json)",
        "json_array('a', null, b absent on null)",
        "json_array(select i from t returning jsonb)",
        "json_arrayagg(a order by b null on null)",
        "json_objectagg(k: v absent on null with unique)",
        "json_serialize('1' format json returning bytea)",
        "json_query(a, '$' null on empty)",
        "js is json array",
        "js is not json object with unique keys",
        "xmlserialize(document x as text no indent)",
        "xmlroot(x, version no value, standalone no value)",
    ] {
        assert_eq!(expr(text).span.of(text), text);
    }
    assert_eq!(call("json_object('a' value b)").1, ["'a' value b"]);
    // these words are names in other functions
    assert_eq!(texts("json_build_object(value, format)"), ["json_build_object(value, format)", "value", "format"]);
    assert_eq!(texts("json_array(value, absent)"), ["json_array(value, absent)", "value", "absent"]);
}

#[test]
fn a_step_that_does_not_go_forward_is_refused() {
    for text in ["select (tablesample x)", "select * from t tablesample system", "select only (", "select (search depth x)", "(cycle a)"] {
        assert!(try_data(text).is_err(), "{text}");
    }
}

#[test]
fn the_version_that_the_newest_syntax_asks_for() {
    use super::super::ast::Form;
    use super::super::parser;
    use super::super::split::Splitter;
    let read = |text: &str| {
        let statement = Splitter::new(text).next().map(|raw| parser::statement(text, &raw)).expect(text);
        assert!(matches!(statement.form, Form::Read(_)), "{text}: {statement:?}");
        statement
    };
    for (text, version, near) in [
        ("create table t (a int, b int generated always as (a) not null)", 18, "not"),
        ("create table t (a int, constraint n not null a)", 18, "not"),
        ("create table t (a int check (a > 0) not enforced)", 18, "not"),
        ("alter table t add primary key (a, b without overlaps)", 18, "without"),
        ("alter table t add foreign key (a, period b) references u (a, period b)", 18, "period"),
        ("update t set a = 1 returning with (old as o) o.a", 18, "with"),
        ("alter table t alter a set expression as (b)", 17, "expression"),
        ("grant select, maintain on t to r", 17, "maintain"),
        ("merge into t using u on true when not matched by source then delete", 17, "by"),
        ("select now() at local", 17, "local"),
        ("select * from json_table('[1]', '$' columns (a int path '$')) as j", 17, "columns"),
    ] {
        assert!(matches!(read(text).read_by(version).form, Form::Read(_)), "{text}");
        match read(text).read_by(version - 1).form {
            Form::Opaque(opaque) => assert_eq!(opaque.at.of(text), near, "{text}"),
            Form::Read(_) => panic!("{text}"),
        }
    }
}
