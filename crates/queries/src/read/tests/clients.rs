//! Clients, keys and imports.

use super::{linked, shown};

#[test]
fn the_key_tells_the_kind_of_client() {
    insta::assert_snapshot!(shown(
        "import { createClient } from '@supabase/supabase-js';\nimport { createServerClient, createBrowserClient } from '@supabase/ssr';\n\
         const a = createClient(url, process.env.SUPABASE_SERVICE_ROLE_KEY!);\nawait a.from('service').select();\n\
         const b = createClient(url, process.env.NEXT_PUBLIC_SUPABASE_ANON_KEY!);\nawait b.from('browser').select();\n\
         const c = createClient(url, Deno.env.get('SUPABASE_ANON_KEY')!);\nawait c.from('anon').select();\n\
         const d = createClient(url, Deno.env.get('SUPABASE_ANON_KEY')!, { global: { headers: { Authorization: req.headers.get('Authorization') } } });\n\
         await d.from('token').select();\n\
         const e = createServerClient(url, key, { cookies });\nawait e.from('unknown_key').select();\n\
         const f = createBrowserClient(url, process.env.NEXT_PUBLIC_SUPABASE_PUBLISHABLE_KEY!);\nawait f.from('ssr').select();\n\
         const g = createClient(url, serviceKey ?? anonKey);\nawait g.from('either').select();\n\
         const serviceRoleKey = process.env.KEY;\nconst h = createClient(url, serviceRoleKey, { db: { schema: 'private' } });\nawait h.from('schema').select();\n\
         const i = createClient(url, Deno.env.get('SUPABASE_ANON_KEY')!);\nawait i.auth.signInWithPassword({ email, password });\nawait i.from('signed_in').select();\n\
         const j = createClient(url, process.env.SUPABASE_SERVICE_ROLE_KEY!, { global: { headers: { Authorization: `Bearer ${jwt}` } } });\n\
         await j.from('user_token').select();"
    ));
}

#[test]
fn names_tell_the_kind_if_nothing_else_does() {
    insta::assert_snapshot!(shown(
        "export const f = async (supabaseAdmin, adminClient, serviceRoleClient, userClient, supabase, administration) => {\n\
         await supabaseAdmin.from('a').select();\nawait adminClient.from('a').select();\nawait serviceRoleClient.from('a').select();\n\
         await userClient.from('a').select();\nawait supabase.from('a').select();\nawait administration.from('a').select();\n};"
    ));
}

#[test]
fn a_name_tells_more_than_an_unknown_key() {
    insta::assert_snapshot!(linked(&[
        (
            "src/a.vue",
            "<script>\nimport { getServiceRole, other } from './lib';\nconst admin = createClient(url, key);\nconst client = getServiceRole();\n\
             await admin.from('a').select();\nawait client.from('b').select();\nawait other().from('c').select();\n</script>"
        ),
        (
            "src/lib.ts",
            "import { createClient } from '@supabase/supabase-js';\nconst make = (key) => createClient(url, key);\n\
             export const getServiceRole = () => make(x);\nexport const other = () => make(y);"
        ),
    ]));
}

#[test]
fn a_helper_is_followed() {
    insta::assert_snapshot!(shown(
        "import { createClient } from '@supabase/supabase-js';\n\
         let cached;\nfunction admin() { if (cached) return cached; cached = createClient(url, process.env.SUPABASE_SERVICE_ROLE_KEY!); return cached }\n\
         const lazy = () => createClient(url, process.env.NEXT_PUBLIC_SUPABASE_ANON_KEY!);\n\
         const both = async () => ({ supabase: admin(), user: 1 });\n\
         await admin().from('a').select();\nconst client = lazy();\nawait client.from('b').select();\n\
         const { supabase } = await both();\nawait supabase.from('c').select();\nconst context = await both();\nawait context.supabase.from('d').select();"
    ));
}

#[test]
fn imports_are_followed() {
    let server = "import { createServerClient } from '@supabase/ssr';\nimport { createClient as create } from '@supabase/supabase-js';\n\
        export async function createClient() { return createServerClient(url, process.env.NEXT_PUBLIC_SUPABASE_ANON_KEY!, { cookies }) }\n\
        export const service = create(url, process.env.SUPABASE_SERVICE_ROLE_KEY!, { db: { schema: 'app' } });";
    insta::assert_snapshot!(linked(&[
        (
            "app/api/route.ts",
            "import { createClient, service } from '@/lib/supabase/server';\nimport * as names from '../../lib/names';\n\
             import { TABLES, Kind, COLUMNS } from '../../lib/names';\nimport again from '../../lib/index';\nimport { auth } from '~/lib/auth';\n\
             const supabase = await createClient();\nawait supabase.from(TABLES.posts).select(COLUMNS);\n\
             await service.from(Kind.Users).select();\nawait service.from(names.OTHER).select();\nawait again.from('again').select();\n\
             const { supabase: own } = await auth();\nawait own.from('own').select();\nawait service.rpc(TABLES.missing);"
        ),
        ("src/lib/supabase/server.ts", server),
        (
            "lib/names.ts",
            "export const TABLES = { posts: 'posts' } as const;\nexport enum Kind { Users = 'users' }\nexport const OTHER = 'other';\n\
             export const COLUMNS = 'id, title';"
        ),
        ("lib/index.ts", "export { service as default } from '../src/lib/supabase/server';\nexport * from './names';"),
        (
            "lib/auth.ts",
            "import { createClient } from '../src/lib/supabase/server';\nexport const auth = async () => { const supabase = await createClient(); return { supabase, user: null } };"
        ),
    ]));
}

#[test]
fn keys_in_code_for_browsers() {
    let client = "'use client';\nconst a = process.env.SUPABASE_SERVICE_ROLE_KEY;\nconst b = process.env.NEXT_PUBLIC_SUPABASE_ANON_KEY;\n\
        const c = import.meta.env.VITE_SUPABASE_SERVICE_ROLE_KEY;";
    let server = "const a = process.env.SUPABASE_SERVICE_ROLE_KEY;\nconst b = process.env.NEXT_PUBLIC_SUPABASE_SERVICE_ROLE_KEY;\n\
        const c = 'sb_secret_'; // SERVICE_ROLE\nconst d = 'sb_secret_abcdefghijklmnopqrstuvwxyz';\n\
        const e = 'eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.x';\nconst f = 'eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.x';";
    insta::assert_snapshot!(format!("{}\n{}", shown(client), shown(server)));
}
