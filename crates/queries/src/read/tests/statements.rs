//! SQL in the code, and comments.

use super::shown;

#[test]
fn tagged_templates_have_parameters() {
    insta::assert_snapshot!(shown(
        "import postgres from 'postgres';\nconst sql = postgres(url);\n\
         await sql`select * from users where id = ${id} and org = ${user.org}`;\n\
         await sql<Row[]>`insert into users ${sql(rows)}`;\n\
         const where = sql`where a = ${a}`;\n\
         await sql`select 1 from t ${where} ${limit ? sql`limit ${limit}` : sql``}`;\n\
         await sql.unsafe('select now()');\nawait sql`\n  -- comment\n  delete from t\n`;\n\
         await prisma.$queryRaw`SELECT ${x}`;\nawait prisma.$queryRawUnsafe(`select * from ${table}`);\nawait html`select ${x}`;"
    ));
}

#[test]
fn drizzle_has_columns_as_objects() {
    insta::assert_snapshot!(shown(
        "import { sql, eq } from 'drizzle-orm';\nimport { users } from './schema';\n\
         await db.execute(sql`select ${users.id} from ${users} where ${eq(users.id, 1)} and name = ${name} ${sql.raw(x)}`);"
    ));
}

#[test]
fn strings_of_pg_are_sql() {
    insta::assert_snapshot!(shown(
        "await pool.query('select * from t where a = $1', [a]);\nawait client.query({ text: `update t set a = 1`, values: [] });\n\
         const TEXT = 'delete from ' + 't';\nawait client.query(TEXT);\nawait client.query(`select * from ${table} where id = 1`);\n\
         const page = c.req.query('page');\nawait graph.query('users { id }');\nawait client.query(text);\nawait client.query('BEGIN');\n\
         await client.query('select \\'it\\'\\'s\\'');"
    ));
}

#[test]
fn allow_comments_have_a_scope() {
    insta::assert_snapshot!(shown(
        "// supalint: allow-file(index) because all tables are small\n\
         // supalint: allow(query/unknown-table) because it is created by a tool\n\
         const { data } = await supabase.from('a').select();\n\
         await supabase.from('b').select(); // supalint: allow(query) because x\n\
         const x = {\n  /* supalint: allow(query/a, query/b) because y */\n  load: () => supabase.from('c').select(),\n};\n\
         await supabase\n  // supalint: allow(query) because inside\n  .from('d').select();\n\
         // supalint: disable\nfoo();\n// supalint: allow(a)\nfoo();\n// supalint: allow-file(a) because late\nfoo();\n\
         const text = 'supalint: allow(x)';\n// supalint: allow(a) because nothing follows\n"
    ));
}
