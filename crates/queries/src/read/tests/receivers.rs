//! What is a query and what is not.

use super::shown;

/// Everything that is called `from` and is no query.
#[test]
fn other_calls_of_from_are_no_queries() {
    let code = "import { from } from 'rxjs';\nimport { db } from './drizzle';\n\
        Array.from(rows).map(String);\nBuffer.from('abc', 'utf8');\nUint8Array.from(bytes);\nnew Set(Array.from(rows));\n\
        await supabase.storage.from('bucket').upload('a', file);\nconst { storage } = supabase; storage.from('bucket').list();\n\
        const { data } = (supabase.storage as any).from('x').getPublicUrl('y');\n\
        await db.select().from(users).where(eq(users.id, 1));\nawait db.select({ id: users.id }).from('users');\n\
        await kysely.selectFrom('users').select('id').execute();\nawait knex.select('id').from('users').where('id', 1);\n\
        await knex.from('users').select('id').where('id', 1);\nfrom(promise).pipe(map(x));\nObservable.from('x').select('y');\n\
        EditorView.decorations.from('x').select('y');\nColor.from('red').update(1);\nmoment.from('x');\nclient.from(['a']).select();\n\
        await email.from('a@b.c').to('x').send();\ntest.from('x').select;\nsupabase.from('never_finished');\n\
        builder.from('doubtful').where('x');\n\
        import { createClient } from 'redis'; const redis = createClient({ url }); await redis.from('a').select();\n\
        const other = knex(config); await other.from('users').select('id');\nconst orm = new Kysely(config); await orm.from('a').select();";
    assert_eq!(shown(code), "");
}

#[test]
fn receivers_are_recognized_by_origin_or_name() {
    insta::assert_snapshot!(shown(
        "import type { SupabaseClient } from '@supabase/supabase-js';\n\
         async function a(x: SupabaseClient<Database>) { await x.rpc('typed') }\n\
         class B { constructor(private readonly supabase: SupabaseClient) {} async f() { await this.supabase.from('field').select() } }\n\
         class C { #db = createClient(url, process.env.SUPABASE_SERVICE_ROLE_KEY!); async f() { await this.#db.from('private').select() } }\n\
         await (supabase as any).from('cast').select();\nawait supabase!.from('asserted').select();\nawait supabase?.from('optional').select();\n\
         await (await createClient()).from('awaited').select();\nawait ctx.supabase.from('member').select();\n\
         await whatever.from('doubtful').select('id');\nawait whatever.rpc('of_known_receiver');\nawait provider.rpc('getBalance', [1]);\n\
         await thing.rpc('has_names', { a: 1 });\nawait (supabase.from as any)('called').select();\n\
         const table = supabase.from('kept');\nawait table.insert({ a: 1 });"
    ));
}

#[test]
fn components_keep_their_positions() {
    let vue = "<template>\n  <p v-if=\"a > b\">é {{ x }}</p>\n</template>\n<script setup lang=\"ts\">\nconst supabase = useSupabaseClient()\n\
        const { data } = await supabase.from('posts').select('id, title')\n</script>\n<style>p { color: red }</style>\n";
    let svelte = "<script context=\"module\">\nexport const load = async ({ supabase }) => supabase.from('a').select('id')\n</script>\n\
        <script lang=\"ts\">\n  export let data;\n  $: ({ supabase } = data);\n  async function f() { await supabase.from('b').delete().eq('id', 1) }\n\
        </script>\n{#each rows as row}<p>{row.name}</p>{/each}\n";
    let vue = super::show::file(&crate::read("src/a.vue", vue), vue);
    let svelte = super::show::file(&crate::read("src/a.svelte", svelte), svelte);
    insta::assert_snapshot!(format!("{vue}\n{svelte}"));
}

#[test]
fn tests_are_marked() {
    for (path, wanted) in [
        ("src/a.test.ts", true),
        ("tests/a.ts", true),
        ("src/__tests__/a.ts", true),
        ("e2e/login.spec.ts", true),
        ("src/a.stories.tsx", true),
        ("src/testing.ts", false),
        ("src/contest/a.ts", false),
        ("src/latest.ts", false),
        ("src/test-utils.ts", true),
    ] {
        let file = crate::read(path, "supabase.from('a').select()");
        assert_eq!((file.in_test, file.queries.iter().all(|query| query.in_test)), (wanted, wanted), "{path}");
    }
}
