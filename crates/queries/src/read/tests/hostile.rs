//! Broken, deep and large files.

use super::shown;
use crate::shape::Unread;
use crate::{MAX_BYTES, read};
use std::time::Instant;

/// A query, so that the file is read.
const QUERY: &str = "await supabase.from('t').select('id');\n";

fn is_read(path: &str, text: &str) -> bool {
    let file = read(path, &format!("{QUERY}{text}"));
    file.unread.is_none() && !file.queries.is_empty()
}

#[test]
fn deep_nesting_is_not_read() {
    let deep = |open: &str, close: &str, by: usize| format!("x = {}1{}", open.repeat(by), close.repeat(by));
    for (open, close) in [("(", ")"), ("[", "]"), ("f(", ")"), ("{a:", "}"), ("() => {return ", "}"), ("`${", "}`"), ("async () => (", ")")]
    {
        for by in [100, 5_000, 100_000] {
            let _ = is_read("a.tsx", &deep(open, close, by));
        }
        assert_eq!(read("a.ts", &format!("{QUERY}{}", deep(open, close, 100_000))).unread, Some(Unread::TooDeep), "{open}");
    }
    let elements = format!("x = {}{}", "<a>".repeat(20_000), "</a>".repeat(20_000));
    let _ = is_read("a.tsx", &elements);
    for (unit, end) in [
        ("!", "1"),
        ("-", "1"),
        ("a=", "1"),
        ("a+", "1"),
        ("a?b:", "1"),
        ("a.", "b"),
        ("await ", "a"),
        ("new ", "a"),
        ("typeof ", "a"),
        ("if(a){}else ", "{}"),
        ("a=>", "1"),
        ("x:", "y"),
        ("for(;;)", "x"),
        ("a\n.b\n", ""),
        ("a!", ""),
        ("f()", ""),
        ("f``", ""),
        ("x[0]", ""),
        ("@a ", "class A {}"),
        ("new\n", "a"),
        ("if(a)\n", "x"),
        ("do\n", "x"),
        ("new/**/\n", "a"),
        ("if(a)//\n", "x"),
        ("f\n()\n", ""),
        ("a in\n", "b"),
        ("a\nas\n", "b"),
    ] {
        for by in [1_000, 15_000, 100_000] {
            let _ = is_read("a.ts", &format!("x = {}{end}", unit.repeat(by)));
            let _ = is_read("a.ts", &format!("{}{end}", unit.repeat(by)));
        }
    }
    for (unit, end) in
        [("A<", ""), ("(", ""), ("A|", "A"), ("A extends B ? C : ", "D"), ("() => ", "A"), ("keyof ", "A"), ("[", ""), ("A[]", "")]
    {
        for by in [1_000, 15_000, 100_000] {
            let _ = is_read("a.ts", &format!("type T = {}{end}", unit.repeat(by)));
        }
    }
}

#[test]
fn long_chains_are_read() {
    let chain = format!("await supabase.from('t').select(){}", ".eq('a', 1)".repeat(1_000));
    assert_eq!(read("a.ts", &chain).queries[0].filters.len(), 1_000);
    let text = format!("const s = 'a'{};\n{QUERY}", " + 'b'".repeat(2_000));
    assert_eq!(read("a.ts", &text).unread, None);
}

#[test]
fn ordinary_large_files_are_read() {
    let line = "  await supabase.from('t').select('id, name').eq('id', row.id).order('a').limit(1)\n";
    let many = format!("async function f() {{\n{}}}\n", line.repeat(20_000));
    let begin = Instant::now();
    let file = read("a.ts", &many);
    assert_eq!((file.unread, file.queries.len()), (None, 20_000));
    assert!(begin.elapsed().as_secs() < 60, "{:?}", begin.elapsed());
    let object = format!("export default {{\n{}}}\n// supalint:", "  'key': { a: [1, 2], b: 'x' },\n".repeat(100_000));
    assert_eq!(read("a.ts", &object).unread, None);
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let text = format!("{QUERY}{}", " ".repeat(MAX_BYTES));
    assert_eq!(read("a.ts", &text).unread, Some(Unread::TooLarge));
}

#[test]
fn broken_files_have_a_reason() {
    for text in ["const a = `unterminated", "const = 1", "'unterminated", "/* unterminated", "x = {", "/re", "<div>", "\u{FFFD}", "a ``` b"]
    {
        let file = read("a.ts", &format!("{QUERY}{text}"));
        assert!(file.unread.is_some() || file.queries.len() == 1, "{text}");
    }
    // bytes that are no UTF-8 are replaced before
    let text = String::from_utf8_lossy(b"await supabase.from('t\xff').select('\xfe');").into_owned();
    insta::assert_snapshot!(shown(&text));
}

#[test]
fn other_dialects_are_read() {
    for (path, text) in [
        ("a.tsx", "const a = <div onClick={() => supabase.rpc('x')}>{rows.map((r) => <p key={r}>it's {r}</p>)}</div>;"),
        ("a.jsx", "const a = <>text {/* c */} & more</>;"),
        ("a.js", "const a = <div>x</div>;"),
        (
            "a.ts",
            "const a = <T>(x: T) => x; const b = <string>c; @Injectable() class A { @Input() x!: string; constructor(private y: B) {} }",
        ),
        ("a.js", "// @flow\nimport type { A } from 'a';\nfunction f(x: ?string): number { return 1 }"),
        ("a.mts", "import x from 'npm:x'; await using y = z;"),
        ("a.cjs", "const x = require('x'); return x;"),
        (
            "a.ts",
            "#!/usr/bin/env node\nenum A { B } namespace C { export const d = 1 } declare module 'x' {} abstract class E { abstract f(): void }",
        ),
        ("a.ts", "const a = b satisfies C; type D = `x${string}`; let e = f!.g!; export = a;"),
        ("a.ts", "for await (const x of y) {} label: for (;;) break label; class A { static { f() } accessor z = 1 }"),
    ] {
        let _ = read(path, &format!("{text}\n{QUERY}"));
        let query = QUERY.replace("await ", "");
        let file = read(path, &format!("{text}\n{query}"));
        if text.contains("@flow") || text.contains("await using") || text.starts_with('#') {
            continue;
        }
        assert!(file.unread.is_none() && !file.queries.is_empty(), "{text}: {:?}", file.unread);
    }
}

#[test]
fn values_that_refer_to_each_other_end() {
    let code = "const a = b; const b = a; const o = { ...p }; const p = { ...o };\n\
        function f() { return g() } function g() { return f() }\n\
        await a.from(b).select(a); await supabase.from(a).insert(o); await f().from('x').select();\n\
        let q = supabase.from('t').select(); q = q; q = r; let r = q; await q.eq('a', 1);";
    let _ = shown(code);
    // a tree of constants
    let mut code = String::from("const v0 = { a: 1 };\n");
    for nth in 1..40 {
        code += &format!("const v{nth} = {{ x: v{0}, y: v{0}, z: [v{0}, v{0}], ...v{0}, ...v{0} }};\n", nth - 1);
    }
    let begin = Instant::now();
    let _ = shown(&format!("{code}await supabase.from('t').insert(v39).eq('a', v39);"));
    assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
}
