//! Filters, payloads and chains that continue through variables.

use super::shown;

#[test]
fn filters_have_columns_operators_and_values() {
    insta::assert_snapshot!(shown(
        "await supabase.from('t').select()\n\
         .eq('a', 1).neq('b', 'x').gt('c', -2).gte('c', 1.5).lt('d', null).lte('d', true)\n\
         .like('e', 'x%').ilike('e', `%${term}%`).ilike('f', `start${term}`).is('g', null).in('h', ['a', 'b']).in('i', ids)\n\
         .contains('j', { kind: 'x' }).contains('k', ['a']).containedBy('l', ['b']).overlaps('m', [1, 2])\n\
         .rangeGt('n', '[1,2)').rangeAdjacent('n', '[3,4)').textSearch('o', 'cat', { type: 'websearch' })\n\
         .match({ p: 1, q: 'x' }).not('r', 'is', null).filter('s', 'in', '(1,2)').filter('t', 'not.eq', 3)\n\
         .eq('users.settings->>theme', 'dark').eq('data->a->b', 1).eq(name, 1).regexMatch('u', '^a').isDistinct('v', 1)"
    ));
}

#[test]
fn or_is_parsed() {
    insta::assert_snapshot!(shown(
        "await supabase.from('t').select()\n\
         .or('a.eq.1,and(b.gt.2,c.not.is.null),not.and(d.in.(x,y),e.ilike.%z%)')\n\
         .or(`sender.eq.${id},receiver.eq.${id}`)\n\
         .or('name.ilike.*x*', { referencedTable: 'users' })\n\
         .or(`name.ilike.%${term}%,${extra}`)\n\
         .or('a.like.\"x,y\",tags.cs.{a,b},f.fts(english).cat')\n\
         .or(parts.join(','))\n\
         .or('a = 1')"
    ));
}

#[test]
fn orders_limits_and_ranges() {
    insta::assert_snapshot!(shown(
        "await supabase.from('t').select().order('a').order('b', { ascending: false, nullsFirst: true })\n\
         .order('c', { foreignTable: 'users', ascending: up }).order('users(name)').order(key, options).limit(10)\n\
         .limit(2, { referencedTable: 'users' });\n\
         await supabase.from('t').select().range(20, 39).single();\n\
         await supabase.from('t').select().range(from, to).limit(size).maybeSingle();"
    ));
}

#[test]
fn a_query_continues_through_a_variable() {
    insta::assert_snapshot!(shown(
        "async function list(f, supabase) {\n\
         let query = supabase.from('t').select('*').eq('org', f.org);\n\
         if (f.name) query = query.ilike('name', f.name);\n\
         query = f.old ? query.lt('at', f.at) : query.gt('at', f.at);\n\
         if (f.a) { query.eq('a', 1) } else { query = query.eq('b', 2) }\n\
         for (const tag of f.tags) query = query.contains('tags', [tag]);\n\
         query = query.order('at');\n\
         const { data } = await query.limit(5);\n\
         return data;\n}"
    ));
}

#[test]
fn branches_begin_different_queries() {
    insta::assert_snapshot!(shown(
        "async function f(supabase, x) {\n\
         let q;\n\
         if (x) { q = supabase.from('a').select('id').eq('only_a', 1) } else { q = supabase.from('b').select('id'); q = q.eq('only_b', 1) }\n\
         q = q.eq('both', 1);\n\
         await q;\n\
         q = supabase.from('c').select().eq('only_c', 1);\n\
         return await q.limit(1);\n}"
    ));
}

#[test]
fn what_follows_a_result_is_possible() {
    insta::assert_snapshot!(shown(
        "async function f(supabase, x) {\n\
         const base = supabase.from('t').select().eq('a', 1);\n\
         if (x) return await base.eq('b', 1);\n\
         return await base.eq('c', 1);\n}"
    ));
}

#[test]
fn an_unfinished_query_that_leaves_is_open() {
    insta::assert_snapshot!(shown(
        "export const base = (supabase) => supabase.from('a').select();\n\
         const own = (supabase) => supabase.from('b').select();\n\
         async function f(supabase) {\n\
         await own(supabase);\n\
         let q = supabase.from('c').select();\n\
         q = applyFilters(q);\n\
         await q;\n\
         await supabase.from('d').select()[method]('x', 1);\n\
         await supabase.from('e').select().whatever();\n\
         await supabase.from('f').select().eq(...pair);\n\
         return supabase.from('g').select().single();\n}\n\
         const extended = (supabase) => supabase.from('h').select();\n\
         await extended(supabase).eq('x', 1);\n\
         class Repository { all() { return this.supabase.from('i').select() } }"
    ));
}

#[test]
fn payloads_have_keys() {
    insta::assert_snapshot!(shown(
        "async function f(supabase, input, on) {\n\
         await supabase.from('a').insert({ id: 1, 'quoted': 'x', nested: { deep: true }, [key]: 1 });\n\
         await supabase.from('b').insert([{ a: 1, b: 2 }, { a: 3 }]).select('id').single();\n\
         await supabase.from('c').upsert({ a: 1, ...input }, { onConflict: 'a, b', ignoreDuplicates: true });\n\
         await supabase.from('d').update({ a: null, ...(on && { b: 1 }), ...(on ? { c: 1 } : { d: 2 }) }).eq('id', 1);\n\
         await supabase.from('e').insert(input.rows.map((row) => ({ name: row.name, kind: 'x' })));\n\
         const row: any = { a: 1 };\n\
         row.b = 2;\n\
         if (on) row.c = 3;\n\
         await supabase.from('f').insert(row);\n\
         const rows = [];\n\
         for (const one of input.rows) rows.push({ a: one.a });\n\
         await supabase.from('g').insert(rows);\n\
         await supabase.from('h').insert(input);\n\
         const build = (x) => ({ a: x, b: undefined });\n\
         await supabase.from('i').insert(build(1) as any);\n\
         await supabase.from('j').delete({ count: 'exact' }).in('id', [1]);\n}"
    ));
}

#[test]
fn a_list_that_is_filled_is_dynamic() {
    insta::assert_snapshot!(shown(
        "const ids = []; rows.forEach((row) => ids.push(row.id));\nconst fixed = ['a', 'b'];\nconst parts = []; parts.push(x);\n\
         await supabase.from('t').select().in('id', ids).in('kind', fixed).or(parts.join(',')).or(`a.eq.1)`);"
    ));
}

#[test]
fn functions_have_arguments() {
    insta::assert_snapshot!(shown(
        "await supabase.rpc('plain');\n\
         await supabase.rpc('named', { a: 1, b_id: id }).eq('x', 1).single();\n\
         await supabase.rpc('open', { ...args });\n\
         await supabase.rpc('counted', {}, { count: 'exact', head: true }).select('id');\n\
         await supabase.schema('private').rpc(name, args);"
    ));
}

#[test]
fn tables_are_constants() {
    insta::assert_snapshot!(shown(
        "const TABLE = 'a';\nconst TABLES = { posts: 'b', nested: { users: 'c' } } as const;\nenum Names { Users = 'd', 'Other' = 'e' }\n\
         const FROZEN = Object.freeze({ x: 'f' });\nlet changed = 'g'; changed = 'h';\n\
         await supabase.from(TABLE).select();\nawait supabase.from(TABLES.posts).select();\nawait supabase.from(TABLES.nested.users).select();\n\
         await supabase.from(Names.Users).select();\nawait supabase.from(Names['Other']).select();\nawait supabase.from(FROZEN.x).select();\n\
         await supabase.from(changed).select();\nawait supabase.from(`i`).select();\nawait supabase.from(`j_${x}`).select();\n\
         await supabase.from('k' as any).select();\nawait supabase.schema('private').from('l').select();\n\
         await supabase.schema(name).from('m').select();\nconst { posts } = TABLES;\nawait supabase.from(posts).select();"
    ));
}
