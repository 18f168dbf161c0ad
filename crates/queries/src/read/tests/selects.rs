//! `select` lists.

use super::shown;

fn select(list: &str) -> String {
    shown(&format!("await supabase.from('t').select({list})")).replace("0: select t; client supabase Unknown; ", "")
}

#[test]
fn select_lists_follow_the_grammar_of_postgrest() {
    let lists = [
        "",
        "undefined",
        "'*'",
        "'id, name'",
        "'*, author:users!posts_author_id_fkey!inner(id, name, ...profiles(bio)), tags(*)'",
        "'full:first_name::text, data->a->>b, x:data->0->b'",
        "'count(), total:amount.sum(), amount.avg()::int, n:count()'",
        "'\"weird name\", \"a,b\"'",
        "'id,'",
        "'id name'",
        "'users(id'",
        "'users!left(id), messages()'",
        "'id, -- comment\\n name'",
        "`\n  id,\n  author:users (\n    name,\n    teams ( title )\n  )\n`",
        "'my-col, $x, naïve'",
        "'a' + ', b'",
        "['a', 'b(c)'].join(', ')",
        "`id, ${extra}`",
        "`id, users(${cols}), ${extra} , x`",
        "`${all}`",
        "columns",
    ];
    let out: String = lists.iter().map(|list| format!("{list}\n    {}", select(list))).collect();
    insta::assert_snapshot!(out);
}

#[test]
fn a_constant_is_read_where_it_is_declared() {
    insta::assert_snapshot!(shown(
        "const COLUMNS = 'id, owner_id';\nconst FULL = `${COLUMNS}, title`;\n\
         await supabase.from('t').select(COLUMNS);\nawait supabase.from('t').select(FULL);"
    ));
}

#[test]
fn options_of_select() {
    insta::assert_snapshot!(shown(
        "await supabase.from('t').select('*', { count: 'exact', head: true });\n\
         const options = { count: 'estimated' } as const;\nawait supabase.from('t').select('id', options);\n\
         await supabase.from('t').select('id', { count: kind }).csv();"
    ));
}
