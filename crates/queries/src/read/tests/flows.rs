//! Places of queries in the code.

use super::shown;

#[test]
fn a_guard_tells_what_an_earlier_query_found() {
    insta::assert_snapshot!(shown(
        "async function getOrCreate(supabase, id) {\n\
         const { data: existing, error } = await supabase.from('a').select('id').eq('id', id).maybeSingle();\n\
         if (existing) return existing;\n\
         const { data } = await supabase.from('a').insert({ id }).select().single();\n\
         if (!data) { await supabase.from('b').select() } else { await supabase.from('c').select() }\n\
         const { data: rows } = await supabase.from('d').select();\n\
         if (rows && rows.length > 0) await supabase.from('e').delete().in('id', rows.map((row) => row.id));\n\
         if (rows?.length === 0) await supabase.from('f').insert({ x: 1 });\n\
         const one = await supabase.from('g').select().single();\n\
         if (one.error) await supabase.from('h').insert({ x: 1 });\n\
         if (one.error?.code === 'PGRST116') await supabase.from('i').insert({ x: 1 });\n\
         const { count } = await supabase.from('j').select('*', { count: 'exact', head: true });\n\
         rows.length || (await supabase.from('k').select());\n\
         if (count === 0) throw new Error();\n\
         return supabase.from('l').select();\n}"
    ));
}

#[test]
fn results_flow_into_later_queries() {
    insta::assert_snapshot!(shown(
        "const load = async (supabase, req) => {\n\
         const { data: { user } } = await supabase.auth.getUser();\n\
         const { data: org } = await supabase.from('orgs').select('id, name').eq('owner_id', user.id).single();\n\
         const ids = [org.id];\n\
         const { data: rows } = await supabase.from('rows').select().in('org_id', ids).eq('kind', req.body.kind);\n\
         const [{ data: a }, b] = await Promise.all([supabase.from('a').select().eq('x', org.id), supabase.from('b').select()]);\n\
         await supabase.from('c').insert({ a: a.id, b: b.data[0].name, org: org.id });\n\
         return rows;\n};"
    ));
}

#[test]
fn a_column_is_read_changed_and_written() {
    insta::assert_snapshot!(shown(
        "async function f(supabase, id, tag) {\n\
         const { data: row } = await supabase.from('t').select('metadata, count, tags').eq('id', id).single();\n\
         await supabase.from('t').update({ metadata: { ...row.metadata, seen: true } }).eq('id', id);\n\
         await supabase.from('t').update({ count: (row?.count ?? 0) + 1, tags: [...row.tags, tag], other: row.other }).eq('id', id);\n\
         const metadata = row.metadata || {};\n\
         const next = { ...metadata, a: 1 };\n\
         await supabase.from('t').update({ metadata: next, tags: row.tags.filter((own) => own !== tag) }).eq('id', id);\n}"
    ));
}

#[test]
fn loops_are_known() {
    insta::assert_snapshot!(shown(
        "async function f(supabase, users) {\n\
         for (const user of users) { await supabase.from('a').select().eq('id', user.id) }\n\
         for (const user of users) { await supabase.from('b').select() }\n\
         await Promise.all(users.map(async (user) => { const key = user.id; await supabase.from('c').select().eq('id', key) }));\n\
         const all = users.map((user) => supabase.from('d').delete().eq('id', user.id)); await Promise.all(all);\n\
         users.forEach(async (user) => { await supabase.from('e').insert({ id: user.id }) });\n\
         for (let page = 0; ; page++) { await supabase.from('f').select().range(page * 10, page * 10 + 9) }\n\
         while (true) { await supabase.from('g').select().gt('id', last) }\n\
         for (let i = 0; i < users.length; i += 10) { const part = users.slice(i, i + 10); await supabase.from('h').insert(part) }\n\
         for (const row of (await supabase.from('i').select()).data) { log(row) }\n}"
    ));
}

#[test]
fn queries_wait_in_different_ways() {
    insta::assert_snapshot!(shown(
        "function hook(supabase) {\n\
         useQuery({ queryFn: () => supabase.from('a').select() });\n\
         supabase.from('b').select().then(({ data }) => { supabase.from('c').select().eq('id', data.id) });\n\
         supabase.from('d').insert({ a: 1 });\n\
         const jobs = []; jobs.push(supabase.from('e').select());\n\
         return useCallback(async () => { const { data } = await supabase.from('f').select().throwOnError(); return data }, []);\n}"
    ));
}
