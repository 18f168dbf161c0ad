//! Quoted code: the body of a function or DO block, in PL/pgSQL or SQL.
//!
//! Promises: code is parsed once, with its statement. The SQL inside PL/pgSQL is parsed at most once, on demand, and shared by all histories
//! with the statement. Limits: other languages are not parsed.

use super::ast::{Ast, Code, Form, Statement};
use super::cursor::{Cursor, Result};
use super::expression::{Cte, Data, Expr, Node, Walk};
use super::lexer::{BackslashMode, Token, TokenKind};
use super::plpgsql::{self, Role, Routine, SqlPiece};
use super::split::{Session, Splitter};
use super::{parser, sql};
use crate::source::Span;
use smol_str::SmolStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// Parsed code. Its spans are in the text of [`Code::text_and_span`].
#[derive(Debug, Default)]
pub enum CodeForm {
    Routine(Arc<Routine>),
    Statements(Arc<[Statement]>),
    /// The code is in another language, or cannot be parsed.
    #[default]
    Unparsed,
}

/// Parsed code, which all clones of the code share.
#[derive(Debug, Default)]
pub struct ParsedCode {
    pub form: CodeForm,
    /// Whether parsing of the SQL inside has started.
    sql_claimed: AtomicBool,
    sql: OnceLock<Arc<Sql>>,
}

/// Always equal, because the result depends only on the code.
impl PartialEq for ParsedCode {
    fn eq(&self, _: &ParsedCode) -> bool {
        true
    }
}

/// The statements and expressions of code.
#[derive(Debug, Default)]
pub struct Sql {
    pub parts: Vec<Part>,
    /// Whether the code is complete: everything was parsed, and EXECUTE builds no statement.
    pub whole: bool,
    /// Number of bytes to add to spans to get positions in the text.
    pub from: u32,
}

#[derive(Debug)]
pub struct Part {
    form: PartForm,
    /// Names of WITH entries, which hide tables.
    pub ctes: Vec<SmolStr>,
}

#[derive(Debug)]
enum PartForm {
    Data(Box<Data>),
    /// One of several statements that were parsed before.
    Nth(Arc<[Statement]>, usize),
    Expr(Expr),
}

/// A statement or an expression.
#[derive(Clone, Copy, Debug)]
pub enum PartOf<'a> {
    Data(&'a Data),
    Expr(&'a Expr),
}

impl Code {
    /// Returns the text that contains the code, and the span in it. This is the text of the statement, unless the literal has escapes.
    pub fn text_and_span<'t>(&'t self, text: &'t str) -> (&'t str, Span) {
        match &self.unescaped {
            Some(unescaped) => (unescaped, Span::new(0, unescaped.len() as u32)),
            None => (text, self.inner),
        }
    }

    /// Returns the code.
    pub fn text<'t>(&'t self, text: &'t str) -> &'t str {
        let (text, span) = self.text_and_span(text);
        span.of(text)
    }

    /// Parses the code. Errors are those of the PL/pgSQL compiler.
    pub(super) fn read(&mut self, text: &str) -> Result<()> {
        let (text, span) = self.text_and_span(text);
        let form = match self.language.as_str() {
            "plpgsql" => CodeForm::Routine(Arc::new(plpgsql::parse(text, span, self.backslash_mode)?)),
            "sql" => CodeForm::Statements(statements(text, span, self.backslash_mode)),
            _ => CodeForm::Unparsed,
        };
        self.parsed = Arc::new(ParsedCode { form, ..ParsedCode::default() });
        Ok(())
    }

    pub fn routine(&self) -> Option<&Arc<Routine>> {
        match &self.parsed.form {
            CodeForm::Routine(routine) => Some(routine),
            CodeForm::Statements(_) | CodeForm::Unparsed => None,
        }
    }

    pub fn statements(&self) -> Option<&Arc<[Statement]>> {
        match &self.parsed.form {
            CodeForm::Statements(statements) => Some(statements),
            CodeForm::Routine(_) | CodeForm::Unparsed => None,
        }
    }

    /// Returns whether the caller should parse the SQL inside. Only the first call returns true.
    pub fn claim_sql(&self) -> bool {
        !self.parsed.sql_claimed.swap(true, Ordering::Relaxed)
    }

    /// Returns the SQL inside. `text` is the text of the statement.
    pub fn sql(&self, text: &str) -> Arc<Sql> {
        let sql = self.parsed.sql.get_or_init(|| Arc::new(self.read_sql(text)));
        sql.clone()
    }

    fn read_sql(&self, text: &str) -> Sql {
        match &self.parsed.form {
            CodeForm::Unparsed => Sql::default(),
            CodeForm::Statements(all) => {
                let form = |nth: usize| data_of(&all[nth]).map(|_| PartForm::Nth(all.clone(), nth));
                Sql::of((0..all.len()).map(form), 0)
            }
            CodeForm::Routine(routine) => {
                let (text, span) = self.text_and_span(text);
                let pieces = plpgsql::sql_pieces(routine);
                let mut sql = Sql::of(pieces.iter().map(|found| piece(span.of(text), routine, found, span.start)), span.start);
                sql.whole &= pieces.iter().all(|found| found.role != Role::Command);
                sql
            }
        }
    }
}

fn statements(text: &str, span: Span, backslash_mode: BackslashMode) -> Arc<[Statement]> {
    let text = &text[..span.end as usize];
    Splitter::resumed(text, span.start as usize, Session::of(backslash_mode)).map(|raw| parser::statement(text, &raw)).collect()
}

fn data_of(statement: &Statement) -> Option<&Data> {
    match &statement.form {
        Form::Read(ast) => match &**ast {
            Ast::Data(data) => Some(data),
            _ => None,
        },
        Form::Opaque(_) => None,
    }
}

impl Sql {
    fn of(forms: impl Iterator<Item = Option<PartForm>>, from: u32) -> Sql {
        let forms: Vec<Option<PartForm>> = forms.collect();
        let whole = forms.iter().all(Option::is_some);
        Sql { parts: forms.into_iter().flatten().map(Part::of).collect(), whole, from }
    }

    /// Returns the SQL of a body whose statements are already bound.
    pub fn bound(statements: &[Data], result: Option<&Expr>) -> Sql {
        let statements = statements.iter().cloned().map(PartForm::data);
        Sql::of(statements.chain(result.cloned().map(PartForm::Expr)).map(Some), 0)
    }
}

impl Part {
    fn of(form: PartForm) -> Part {
        let part = Part { form, ctes: Vec::new() };
        let mut ctes: Vec<SmolStr> = Vec::new();
        let with: &[Cte] = match part.get() {
            PartOf::Data(Data::Insert(insert)) => &insert.with,
            PartOf::Data(Data::Update(update)) => &update.with,
            PartOf::Data(Data::Delete(delete)) => &delete.with,
            PartOf::Data(Data::Query(_) | Data::Merge { .. }) | PartOf::Expr(_) => &[],
        };
        ctes.extend(with.iter().map(|cte| cte.name.name.clone()));
        let mut visit = |node: Node| {
            if let Node::Query(query) = node {
                ctes.extend(query.with.iter().map(|cte| cte.name.name.clone()));
            }
            Walk::Into
        };
        match part.get() {
            PartOf::Data(data) => data.walk(&mut visit),
            PartOf::Expr(expr) => expr.walk(&mut visit),
        }
        Part { ctes, ..part }
    }

    pub fn get(&self) -> PartOf<'_> {
        match &self.form {
            PartForm::Data(data) => PartOf::Data(data),
            PartForm::Nth(all, nth) => PartOf::Data(data_of(&all[*nth]).expect("only data statements are parts")),
            PartForm::Expr(expr) => PartOf::Expr(expr),
        }
    }
}

impl PartForm {
    fn data(data: Data) -> PartForm {
        PartForm::Data(Box::new(data))
    }
}

/// Parses a piece of a routine that begins at a byte of its text. Spans of the result are in the code.
fn piece(code: &str, routine: &Routine, found: &SqlPiece, from: u32) -> Option<PartForm> {
    let mut tokens = routine.sql_tokens(found);
    for token in &mut tokens {
        (token.start, token.end) = (token.start - from, token.end - from);
    }
    let span = Span::new(found.piece.span.start - from, found.piece.span.end - from);
    let mut cursor = Cursor::new(code, &tokens);
    let end = cursor.end;
    match found.role {
        Role::Statement | Role::Query => sql::data(&mut cursor, end).ok().map(PartForm::data),
        Role::Expression | Role::Command => match sql::expression(&mut cursor, end) {
            Ok(expr) => Some(PartForm::Expr(expr)),
            Err(_) => selected(code, span, tokens),
        },
        Role::Perform => selected(code, span, tokens),
    }
}

/// Parses text to which PL/pgSQL adds SELECT: `PERFORM f(x) FROM t`, `n := count(*) FROM t`.
fn selected(code: &str, span: Span, mut tokens: Vec<Token>) -> Option<PartForm> {
    const SELECT: &str = "SELECT ";
    let start = span.start.checked_sub(SELECT.len() as u32)?;
    // spaces before it keep the positions of nodes in the body
    let text = format!("{}{SELECT}{}", " ".repeat(start as usize), span.of(code));
    tokens.insert(0, Token { kind: TokenKind::Word, start, end: span.start - 1 });
    let mut cursor = Cursor::new(&text, &tokens);
    let end = cursor.end;
    sql::data(&mut cursor, end).ok().map(PartForm::data)
}

#[cfg(test)]
mod tests {
    use super::super::expression::{FromItem, FromRelation};
    use super::*;

    fn code(language: &str, text: &str) -> Code {
        let inner = Span::new(0, text.len() as u32);
        let mut code = Code {
            language: language.into(),
            literal: inner,
            inner,
            unescaped: None,
            backslash_mode: BackslashMode::Literal,
            parsed: Default::default(),
        };
        let _ = code.read(text);
        code
    }

    /// Returns every part with its tables.
    fn parts(language: &str, text: &str) -> Vec<String> {
        let shown = |part: &Part| {
            let mut tables = Vec::new();
            let mut visit = |node: Node| {
                if let Node::From(FromItem { relation: FromRelation::Table { name, .. }, .. }) = node {
                    tables.push(format!(" {name}@{}", name.span().of(text)));
                }
                Walk::Into
            };
            let kind = match part.get() {
                PartOf::Data(data) => {
                    data.walk(&mut visit);
                    "data"
                }
                PartOf::Expr(expr) => {
                    expr.walk(&mut visit);
                    "expr"
                }
            };
            format!("{kind}{}", tables.concat())
        };
        code(language, text).sql(text).parts.iter().map(shown).collect()
    }

    #[test]
    fn statements_of_a_body_are_read_at_their_places() {
        assert_eq!(
            parts("sql", "select 1 from notes; select é; delete from Public.t where false"),
            ["data notes@notes", "data", "data public.t@Public.t"]
        );
        let body = "declare n int := count(*) from a; begin perform 1 from b where x; select 1 into n from c; \
                    if exists (select 1 from d) then return; end if; create table z (); end";
        assert_eq!(parts("plpgsql", body), ["data a@a", "data b@b", "data c@c", "expr d@d"]);
        assert!(parts("plpgsql", "begin if").is_empty() && parts("c", "x").is_empty());
    }

    #[test]
    fn places_are_so_far_behind_those_of_the_text() {
        let text = "do $$begin perform 1 from t; end$$";
        let mut within = Code { inner: Span::new(5, text.len() as u32 - 2), ..code("c", text) };
        within.language = "plpgsql".into();
        within.read(text).expect("it is PL/pgSQL");
        let sql = within.sql(text);
        let [part] = sql.parts.as_slice() else { panic!("one part") };
        let mut found = None;
        if let PartOf::Data(data) = part.get() {
            data.walk(&mut |node| {
                if let Node::From(FromItem { relation: FromRelation::Table { name, .. }, .. }) = node {
                    found = Some(name.span().shifted(sql.from).of(text));
                }
                Walk::Into
            });
        }
        assert_eq!(found, Some("t"));
    }

    #[test]
    fn a_body_is_whole_if_all_of_it_is_read_and_nothing_is_built() {
        let whole = |language, text| code(language, text).sql(text).whole;
        assert!(whole("sql", "select 1") && whole("plpgsql", "begin perform 1; end"));
        assert!(!whole("sql", "select 1; create table t ()") && !whole("plpgsql", "begin execute 'select 1'; end") && !whole("c", "x"));
    }

    #[test]
    fn a_clone_knows_what_was_read_and_only_one_is_to_read_it() {
        let one = code("plpgsql", "begin perform 1; end");
        let other = one.clone();
        assert!(one.claim_sql() && !other.claim_sql());
        assert!(Arc::ptr_eq(&one.sql("begin perform 1; end"), &other.sql("begin perform 1; end")));
    }
}
