//! Parser of PL/pgSQL: bodies of functions and DO blocks.
//!
//! Promises: every node has its span in the whole file. A body that the grammar of PL/pgSQL does not allow is a
//! [`SyntaxError`](super::cursor::SyntaxError) with PostgreSQL's message. Time is linear, nesting is limited, and nothing panics.
//! Expressions and SQL statements are [`Piece`]s: only their extent is determined, by the rules of PL/pgSQL.
//! Limits: errors inside pieces are not found. The parameters of the function are unknown here, so [`unknown_variables`] takes them.
//! Source: PostgreSQL's documentation, "PL/pgSQL — SQL Procedural Language".

mod names;
mod reader;
mod words;

pub use names::unknown_variables;
pub use reader::parse;

use super::cursor::Cursor;
use super::expression::{Ident, ObjectName};
use super::lexer::Token;
use super::types::TypeName;
use crate::source::Span;
use smol_str::SmolStr;

/// A body, with the tokens of its pieces.
#[derive(Clone, Debug, PartialEq)]
pub struct Routine {
    pub tokens: Vec<Token>,
    /// `#variable_conflict …`: the meaning of a name that is both a variable and a column. `None` means the setting of the server.
    pub variable_conflict: Option<VariableConflict>,
    pub block: Block,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VariableConflict {
    Error,
    UseVariable,
    UseColumn,
}

/// A sequence of tokens of the [`Routine`]: an expression or SQL that is not parsed yet.
///
/// PL/pgSQL allows the rest of a query after an expression: `n := count(*) FROM t WHERE …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    pub span: Span,
    /// Index of the first token.
    pub start: usize,
    /// Index after the last token. It equals `start` only for an empty `PERFORM`.
    pub end: usize,
}

/// `[<<label>>] [DECLARE …] BEGIN … [EXCEPTION …] END [label]`
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    pub span: Span,
    pub label: Option<Ident>,
    pub declarations: Vec<Declaration>,
    pub body: Vec<Stmt>,
    pub handlers: Vec<Handler>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    /// Location without the `;`.
    pub span: Span,
    pub name: Ident,
    pub kind: DeclKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum DeclKind {
    Variable {
        ty: TypeName,
        constant: bool,
        collation: Option<ObjectName>,
        not_null: bool,
        default: Option<Piece>,
    },
    /// `name ALIAS FOR $1`
    Alias {
        of: ObjectName,
    },
    /// `name [[NO] SCROLL] CURSOR [(args)] FOR query`
    Cursor {
        args: Vec<(Ident, TypeName)>,
        query: Piece,
    },
}

/// `WHEN condition [OR …] THEN …`
#[derive(Clone, Debug, PartialEq)]
pub struct Handler {
    pub span: Span,
    pub conditions: Vec<Condition>,
    pub body: Vec<Stmt>,
}

/// An error by name or by code. The parser accepts only names that PostgreSQL defines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Name such as `unique_violation`, or `others` in a handler.
    Name(Ident),
    /// `SQLSTATE '23505'`, with the five characters of the code.
    State(SmolStr, Span),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Stmt {
    /// Location with the label, without the `;`.
    pub span: Span,
    pub kind: StmtKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum StmtKind {
    Block(Box<Block>),
    Assign(Assign),
    If {
        /// IF and each ELSIF: a condition and its statements.
        branches: Vec<(Piece, Vec<Stmt>)>,
        otherwise: Vec<Stmt>,
    },
    Case {
        /// Operand, or `None` for `CASE WHEN condition`.
        operand: Option<Piece>,
        /// Values of each WHEN if there is an operand, or its condition if there is none.
        whens: Vec<(Vec<Piece>, Vec<Stmt>)>,
        /// Statements of ELSE. Without ELSE, a value that matches no WHEN is an error.
        otherwise: Option<Vec<Stmt>>,
    },
    Loop(Box<Loop>),
    Exit {
        label: Option<Ident>,
        when: Option<Piece>,
    },
    Continue {
        label: Option<Ident>,
        when: Option<Piece>,
    },
    Return {
        value: Option<Piece>,
    },
    ReturnNext {
        value: Option<Piece>,
    },
    ReturnQuery {
        query: Piece,
    },
    ReturnQueryExecute {
        command: Piece,
        using: Vec<Piece>,
    },
    Raise(Box<Raise>),
    Assert {
        condition: Piece,
        message: Option<Piece>,
    },
    /// `EXECUTE command [INTO …] [USING …]`, which runs the value of `command` as SQL.
    Execute {
        command: Piece,
        into: Option<IntoClause>,
        using: Vec<Piece>,
    },
    /// The text after PERFORM, which replaces SELECT.
    Perform {
        query: Piece,
    },
    /// Any other SQL statement. `into` is inside `sql` and not part of the statement that runs.
    Sql {
        sql: Piece,
        into: Option<IntoClause>,
    },
    /// `CALL …`, with the keyword.
    Call {
        sql: Piece,
    },
    GetDiagnostics {
        stacked: bool,
        /// Variables with the assigned items in lower case, such as `row_count`.
        items: Vec<(ObjectName, SmolStr)>,
    },
    Open {
        cursor: Ident,
        source: OpenSource,
    },
    Fetch {
        /// `NEXT`, `RELATIVE -1`, … without FROM or IN.
        direction: Option<Piece>,
        cursor: Ident,
        into: IntoClause,
    },
    Move {
        direction: Option<Piece>,
        cursor: Ident,
    },
    Close {
        cursor: Ident,
    },
    Commit,
    Rollback,
    Null,
}

/// `target := value`
#[derive(Clone, Debug, PartialEq)]
pub struct Assign {
    /// Names before the first subscript: `rec.field` of `rec.field[1]`.
    pub name: ObjectName,
    /// Names with subscripts.
    pub target: Piece,
    pub value: Piece,
}

/// A loop of any kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Loop {
    pub label: Option<Ident>,
    pub control: LoopControl,
    pub body: Vec<Stmt>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum LoopControl {
    Forever,
    While(Piece),
    /// `FOR var IN [REVERSE] low .. high [BY by]`. With REVERSE, the loop starts at `low`.
    Range {
        var: Ident,
        reverse: bool,
        low: Piece,
        high: Piece,
        by: Option<Piece>,
    },
    /// `FOR targets IN query`
    Query {
        targets: Vec<ObjectName>,
        query: Piece,
    },
    /// `FOR targets IN EXECUTE command [USING …]`
    Execute {
        targets: Vec<ObjectName>,
        command: Piece,
        using: Vec<Piece>,
    },
    /// `FOR var IN cursor [(args)]`
    Cursor {
        var: Ident,
        cursor: Ident,
        args: Vec<CursorArg>,
    },
    /// `FOREACH targets [SLICE n] IN ARRAY array`
    Each {
        targets: Vec<ObjectName>,
        slice: Option<SmolStr>,
        array: Piece,
    },
}

/// `value` or `name := value`
#[derive(Clone, Debug, PartialEq)]
pub struct CursorArg {
    pub name: Option<Ident>,
    pub value: Piece,
}

#[derive(Clone, Debug, PartialEq)]
pub enum OpenSource {
    /// A cursor declared with its query.
    Bound {
        args: Vec<CursorArg>,
    },
    Query(Piece),
    Execute {
        command: Piece,
        using: Vec<Piece>,
    },
}

/// `INTO [STRICT] target, …`
#[derive(Clone, Debug, PartialEq)]
pub struct IntoClause {
    /// Tokens from INTO to the last target, which are not part of the SQL.
    pub piece: Piece,
    pub strict: bool,
    pub targets: Vec<ObjectName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Debug,
    Log,
    Info,
    Notice,
    Warning,
    Exception,
}

/// `RAISE [level] ['format' [, …] | condition] [USING …]`. Without arguments, it raises the current error again.
#[derive(Clone, Debug, PartialEq)]
pub struct Raise {
    pub level: Level,
    /// Value and location of the literal.
    pub format: Option<(String, Span)>,
    pub params: Vec<Piece>,
    pub condition: Option<Condition>,
    /// `message`, `detail`, `hint`, `errcode`, `column`, `constraint`, `datatype`, `table`, `schema`.
    pub options: Vec<(SmolStr, Piece)>,
}

/// A RAISE with different numbers of placeholders and parameters. PostgreSQL rejects the function (42601).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch {
    pub placeholders: usize,
    pub params: usize,
    /// Location of the format.
    pub span: Span,
}

impl Mismatch {
    /// Returns PostgreSQL's message.
    pub fn message(self) -> &'static str {
        if self.params < self.placeholders { "too few parameters specified for RAISE" } else { "too many parameters specified for RAISE" }
    }
}

/// Compares the number of `%` in a RAISE with the number of parameters. `%%` is not a placeholder.
pub fn raise_mismatch(stmt: &Stmt) -> Option<Mismatch> {
    let StmtKind::Raise(raise) = &stmt.kind else { return None };
    let (format, span) = raise.format.as_ref()?;
    let placeholders = format.replace("%%", "").matches('%').count();
    let params = raise.params.len();
    (placeholders != params).then_some(Mismatch { placeholders, params, span: *span })
}

/// Kind of SQL in a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A complete SQL statement.
    Statement,
    /// A complete query of a loop, a cursor or RETURN QUERY.
    Query,
    /// The text after SELECT.
    Perform,
    /// An expression.
    Expression,
    /// An expression whose value is a command.
    Command,
}

/// A piece with its kind and context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqlPiece {
    pub role: Role,
    pub piece: Piece,
    /// `INTO …` of PL/pgSQL, which is not part of the SQL statement.
    pub into: Option<Piece>,
    /// Location of the statement or declaration that contains the piece.
    pub owner: Span,
}

/// Returns all pieces of a body in the order of its text. Each expression, query and statement is listed once. Targets are not included.
pub fn sql_pieces(routine: &Routine) -> Vec<SqlPiece> {
    let mut pieces = Vec::new();
    for declaration in routine.declarations() {
        declaration.pieces(&mut |role, piece| pieces.push(SqlPiece { role, piece, into: None, owner: declaration.span }));
    }
    for stmt in routine.statements() {
        let into = match &stmt.kind {
            StmtKind::Sql { into, .. } => into.as_ref().map(|into| into.piece),
            _ => None,
        };
        stmt.pieces(&mut |role, piece| pieces.push(SqlPiece { role, piece, into, owner: stmt.span }));
    }
    pieces.sort_by_key(|found| found.piece.start);
    pieces
}

impl Routine {
    /// Returns a cursor over the tokens of a piece. `text` is the whole file.
    pub fn cursor<'a>(&'a self, text: &'a str, piece: Piece) -> Cursor<'a> {
        Cursor::new(text, &self.tokens).part(piece.start, piece.end)
    }

    /// Returns the tokens of a piece without INTO, as PostgreSQL runs them.
    pub fn sql_tokens(&self, found: &SqlPiece) -> Vec<Token> {
        let SqlPiece { piece, into, .. } = *found;
        let skipped = into.map_or(piece.end..piece.end, |into| into.start..into.end);
        [&self.tokens[piece.start..skipped.start], &self.tokens[skipped.end..piece.end]].concat()
    }

    /// Returns all statements, including nested ones. Each statement comes before the statements inside it.
    pub fn statements(&self) -> Statements<'_> {
        self.block.statements()
    }

    /// Returns the declarations of all blocks. Those of outer blocks come first.
    pub fn declarations(&self) -> impl Iterator<Item = &Declaration> {
        let inner = self.statements().filter_map(|stmt| match &stmt.kind {
            StmtKind::Block(block) => Some(&block.declarations),
            _ => None,
        });
        std::iter::once(&self.block.declarations).chain(inner).flatten()
    }
}

impl Block {
    /// Returns all statements of the block and its handlers, including nested ones. Each statement comes before the statements inside it.
    pub fn statements(&self) -> Statements<'_> {
        let mut stack: Vec<_> = self.lists().map(|list| list.iter()).collect();
        stack.reverse();
        Statements { stack }
    }

    fn lists(&self) -> impl Iterator<Item = &[Stmt]> {
        std::iter::once(self.body.as_slice()).chain(self.handlers.iter().map(|handler| handler.body.as_slice()))
    }
}

/// Iterator over statements in the order of their text, created by [`Block::statements`].
#[derive(Clone, Debug)]
pub struct Statements<'a> {
    stack: Vec<std::slice::Iter<'a, Stmt>>,
}

impl<'a> Iterator for Statements<'a> {
    type Item = &'a Stmt;

    fn next(&mut self) -> Option<&'a Stmt> {
        loop {
            let Some(stmt) = self.stack.last_mut()?.next() else {
                self.stack.pop();
                continue;
            };
            let lists = stmt.lists();
            self.stack.extend(lists.into_iter().rev().map(<[Stmt]>::iter));
            return Some(stmt);
        }
    }
}

impl Declaration {
    fn pieces(&self, found: &mut impl FnMut(Role, Piece)) {
        match &self.kind {
            DeclKind::Variable { default, .. } => all(Role::Expression, default, found),
            DeclKind::Cursor { query, .. } => found(Role::Query, *query),
            DeclKind::Alias { .. } => {}
        }
    }
}

fn all<'a>(role: Role, pieces: impl IntoIterator<Item = &'a Piece>, found: &mut impl FnMut(Role, Piece)) {
    pieces.into_iter().for_each(|piece| found(role, *piece));
}

fn dynamic(command: Piece, using: &[Piece], found: &mut impl FnMut(Role, Piece)) {
    found(Role::Command, command);
    all(Role::Expression, using, found);
}

impl Stmt {
    /// Returns the lists of statements directly inside this statement.
    pub fn lists(&self) -> Vec<&[Stmt]> {
        match &self.kind {
            StmtKind::Block(block) => block.lists().collect(),
            StmtKind::If { branches, otherwise } => {
                branches.iter().map(|branch| branch.1.as_slice()).chain([otherwise.as_slice()]).collect()
            }
            StmtKind::Case { whens, otherwise, .. } => whens.iter().map(|when| when.1.as_slice()).chain(otherwise.as_deref()).collect(),
            StmtKind::Loop(a_loop) => vec![&a_loop.body],
            _ => Vec::new(),
        }
    }

    /// Visits the pieces of this statement, without those of nested statements.
    fn pieces(&self, found: &mut impl FnMut(Role, Piece)) {
        use Role::{Expression, Perform, Query, Statement};
        match &self.kind {
            StmtKind::Assign(assign) => found(Expression, assign.value),
            StmtKind::If { branches, .. } => all(Expression, branches.iter().map(|branch| &branch.0), found),
            StmtKind::Case { operand, whens, .. } => {
                all(Expression, operand, found);
                all(Expression, whens.iter().flat_map(|when| &when.0), found);
            }
            StmtKind::Loop(a_loop) => a_loop.control.pieces(found),
            StmtKind::Exit { when, .. } | StmtKind::Continue { when, .. } => all(Expression, when, found),
            StmtKind::Return { value } | StmtKind::ReturnNext { value } => all(Expression, value, found),
            StmtKind::ReturnQuery { query } => found(Query, *query),
            StmtKind::ReturnQueryExecute { command, using } | StmtKind::Execute { command, using, .. } => dynamic(*command, using, found),
            StmtKind::Raise(raise) => {
                all(Expression, &raise.params, found);
                all(Expression, raise.options.iter().map(|option| &option.1), found);
            }
            StmtKind::Assert { condition, message } => {
                found(Expression, *condition);
                all(Expression, message, found);
            }
            StmtKind::Perform { query } => found(Perform, *query),
            StmtKind::Sql { sql, .. } | StmtKind::Call { sql } => found(Statement, *sql),
            StmtKind::Open { source, .. } => source.pieces(found),
            StmtKind::Block(_)
            | StmtKind::GetDiagnostics { .. }
            | StmtKind::Fetch { .. }
            | StmtKind::Move { .. }
            | StmtKind::Close { .. }
            | StmtKind::Commit
            | StmtKind::Rollback
            | StmtKind::Null => {}
        }
    }
}

impl LoopControl {
    fn pieces(&self, found: &mut impl FnMut(Role, Piece)) {
        match self {
            LoopControl::Forever => {}
            LoopControl::While(condition) => found(Role::Expression, *condition),
            LoopControl::Range { low, high, by, .. } => all(Role::Expression, [low, high].into_iter().chain(by), found),
            LoopControl::Query { query, .. } => found(Role::Query, *query),
            LoopControl::Execute { command, using, .. } => dynamic(*command, using, found),
            LoopControl::Cursor { args, .. } => all(Role::Expression, args.iter().map(|arg| &arg.value), found),
            LoopControl::Each { array, .. } => found(Role::Expression, *array),
        }
    }
}

impl OpenSource {
    fn pieces(&self, found: &mut impl FnMut(Role, Piece)) {
        match self {
            OpenSource::Bound { args } => all(Role::Expression, args.iter().map(|arg| &arg.value), found),
            OpenSource::Query(query) => found(Role::Query, *query),
            OpenSource::Execute { command, using } => dynamic(*command, using, found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexer::BackslashMode;
    use super::*;

    fn read(body: &str) -> Routine {
        parse(body, Span::new(0, body.len() as u32), BackslashMode::Literal).unwrap_or_else(|error| panic!("{error:?}\n{body}"))
    }

    /// Returns the message of the error and the text at its location.
    fn refused(body: &str) -> (String, &str) {
        let error = parse(body, Span::new(0, body.len() as u32), BackslashMode::Literal).expect_err(body);
        (error.message, error.span.of(body))
    }

    /// Returns `role: text` for each piece.
    fn pieces(body: &str) -> Vec<String> {
        sql_pieces(&read(body)).iter().map(|found| format!("{:?}: {}", found.role, found.piece.span.of(body))).collect()
    }

    fn only(routine: &Routine) -> &StmtKind {
        assert_eq!(routine.block.body.len(), 1);
        &routine.block.body[0].kind
    }

    fn texts<'a>(pieces: &[Piece], body: &'a str) -> Vec<&'a str> {
        pieces.iter().map(|piece| piece.span.of(body)).collect()
    }

    fn names(names: &[ObjectName]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    const GUARD: &str = "
        DO $tag$
        BEGIN
          IF NOT EXISTS (SELECT 1 FROM pg_policies WHERE policyname = 'own notes') THEN
            CREATE POLICY \"own notes\" ON notes FOR SELECT USING (auth.uid() = user_id);
          ELSIF current_setting('x') = 'y' THEN
            RAISE NOTICE 'skipped';
          ELSE
            NULL;
          END IF;
        END $tag$;";

    #[test]
    fn spans_are_those_of_the_file() {
        let from = GUARD.find("$tag$").unwrap_or(0) + 5;
        let to = GUARD.rfind("$tag$").unwrap_or(0);
        let routine = parse(GUARD, Span::new(from as u32, to as u32), BackslashMode::Literal).expect("reads");
        let StmtKind::If { branches, otherwise } = only(&routine) else { panic!() };
        assert!(routine.block.body[0].span.of(GUARD).starts_with("IF NOT") && routine.block.body[0].span.of(GUARD).ends_with("END IF"));
        assert_eq!(branches[0].0.span.of(GUARD), "NOT EXISTS (SELECT 1 FROM pg_policies WHERE policyname = 'own notes')");
        assert_eq!(branches[0].1[0].span.of(GUARD), "CREATE POLICY \"own notes\" ON notes FOR SELECT USING (auth.uid() = user_id)");
        assert_eq!(branches[1].0.span.of(GUARD), "current_setting('x') = 'y'");
        assert_eq!(otherwise[0].kind, StmtKind::Null);
        let mut cursor = routine.cursor(GUARD, branches[0].0);
        assert!(cursor.eat("NOT EXISTS") && cursor.parens().is_ok() && cursor.done());
    }

    #[test]
    fn declarations() {
        let body = "#variable_conflict use_column\n<<main>> DECLARE a CONSTANT numeric(10,2) NOT NULL := 1.5;
            row_count notes%ROWTYPE; e public.notes.kind%TYPE = 'x'; t text[] COLLATE \"C\" DEFAULT '{}'; n ALIAS FOR $1;
            c NO SCROLL CURSOR (low int, high text) FOR SELECT * FROM notes WHERE id > low;
            BEGIN END main;";
        let routine = read(body);
        assert_eq!(routine.variable_conflict, Some(VariableConflict::UseColumn));
        let all: Vec<_> = routine.declarations().map(|declaration| (declaration.name.name.as_str(), &declaration.kind)).collect();
        assert!(
            matches!(all[0], ("a", DeclKind::Variable { constant: true, not_null: true, default: Some(value), .. }) if value.span.of(body) == "1.5")
        );
        assert!(matches!(all[1], ("row_count", DeclKind::Variable { ty, .. }) if ty.of_row));
        assert!(matches!(all[2], ("e", DeclKind::Variable { ty, .. }) if ty.of_column && ty.name.to_string() == "public.notes.kind"));
        assert!(matches!(all[3], ("t", DeclKind::Variable { ty, collation: Some(_), .. }) if ty.canonical() == "text[]"));
        assert!(matches!(all[4], ("n", DeclKind::Alias { of }) if of.to_string() == "$1"));
        assert!(matches!(all[5], ("c", DeclKind::Cursor { args, query }) if args.len() == 2 && query.span.of(body).ends_with("id > low")));
        assert!(routine.block.span.of(body).starts_with("<<main>>") && routine.block.span.of(body).ends_with("main"));
        assert_eq!(routine.block.declarations[1].span.of(body), "row_count notes%ROWTYPE");
    }

    #[test]
    fn assignments_of_every_form() {
        let body = "BEGIN x := 1; NEW.updated_at = now(); arr[i + 1] := a[1]; rec.list[2].f := 'x'; \"X\" := y = z; n := count(*) FROM t;
            raise := 1; $1 := 2; END";
        let routine = read(body);
        let found: Vec<_> = routine
            .statements()
            .map(|stmt| match &stmt.kind {
                StmtKind::Assign(assign) => (assign.name.to_string(), assign.target.span.of(body), assign.value.span.of(body)),
                other => panic!("{other:?}"),
            })
            .collect();
        let found: Vec<_> = found.iter().map(|(name, target, value)| (name.as_str(), *target, *value)).collect();
        assert_eq!(
            found,
            [
                ("x", "x", "1"),
                ("new.updated_at", "NEW.updated_at", "now()"),
                ("arr", "arr[i + 1]", "a[1]"),
                ("rec.list", "rec.list[2].f", "'x'"),
                ("X", "\"X\"", "y = z"),
                ("n", "n", "count(*) FROM t"),
                ("raise", "raise", "1"),
                ("$1", "$1", "2"),
            ]
        );
    }

    #[test]
    fn into_is_a_clause_of_plpgsql_wherever_it_stands() {
        let body = "BEGIN SELECT id, name INTO STRICT v_id, rec.name FROM notes WHERE id = 1;
            INSERT INTO notes (a) SELECT 1 RETURNING id INTO v_id;
            WITH gone AS (DELETE FROM t RETURNING *) INSERT INTO old SELECT * FROM gone;
            MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE; END";
        let routine = read(body);
        let found = sql_pieces(&routine);
        let run: Vec<String> = found
            .iter()
            .map(|piece| routine.sql_tokens(piece).iter().map(|token| token.text(body)).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(run[0], "SELECT id , name FROM notes WHERE id = 1");
        assert_eq!(run[1], "INSERT INTO notes ( a ) SELECT 1 RETURNING id");
        let StmtKind::Sql { into: Some(into), .. } = &routine.block.body[0].kind else { panic!() };
        assert!(into.strict && names(&into.targets) == ["v_id", "rec.name"]);
        assert_eq!(into.piece.span.of(body), "INTO STRICT v_id, rec.name");
        assert!(found[2].into.is_none() && found[3].into.is_none());
        assert_eq!(refused("BEGIN SELECT 1 INTO a INTO b; END").0, "INTO specified more than once at or near \"INTO\"");
    }

    #[test]
    fn dynamic_sql() {
        let body = "BEGIN
            EXECUTE format('alter table %I enable row level security', t);
            EXECUTE 'select 1 where $1' INTO a, b USING x + f(1, 2), y;
            EXECUTE q USING x INTO STRICT a;
            RETURN QUERY EXECUTE 'select $1' USING x;
            RETURN QUERY SELECT * FROM notes;
            FOR r IN EXECUTE format('select %L', x) USING y LOOP NULL; END LOOP;
            OPEN c FOR EXECUTE 'select 1' USING z;
            END";
        assert_eq!(
            pieces(body),
            [
                "Command: format('alter table %I enable row level security', t)",
                "Command: 'select 1 where $1'",
                "Expression: x + f(1, 2)",
                "Expression: y",
                "Command: q",
                "Expression: x",
                "Command: 'select $1'",
                "Expression: x",
                "Query: SELECT * FROM notes",
                "Command: format('select %L', x)",
                "Expression: y",
                "Command: 'select 1'",
                "Expression: z",
            ]
        );
        let routine = read(body);
        let StmtKind::Execute { into: Some(into), using, .. } = &routine.block.body[1].kind else { panic!() };
        assert_eq!((names(&into.targets), texts(using, body)), (vec!["a".into(), "b".into()], vec!["x + f(1, 2)", "y"]));
        assert_eq!(refused("BEGIN EXECUTE a INTO b INTO c; END").1, "INTO");
    }

    #[test]
    fn loops() {
        let body = "DECLARE c CURSOR (n int) FOR SELECT 1; BEGIN
            <<outer>> FOR i IN REVERSE 10..array_length(a, 1) BY 2 LOOP EXIT outer WHEN i < 3; END LOOP outer;
            FOR rec IN SELECT tablename FROM pg_tables LOOP CONTINUE; END LOOP;
            FOR a, b IN (SELECT 1, 2) LOOP NULL; END LOOP;
            FOREACH t SLICE 1 IN ARRAY ARRAY['a', 'b'] LOOP NULL; END LOOP;
            FOR row IN c(n := 1) LOOP NULL; END LOOP;
            FOR row IN SELECT (1) LOOP NULL; END LOOP;
            WHILE x > 0 LOOP LOOP EXIT; END LOOP; END LOOP; END";
        let routine = read(body);
        let controls: Vec<_> = routine
            .block
            .body
            .iter()
            .map(|stmt| match &stmt.kind {
                StmtKind::Loop(a_loop) => &a_loop.control,
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(matches!(controls[0], LoopControl::Range { reverse: true, low, high, by: Some(by), .. }
            if texts(&[*low, *high, *by], body) == ["10", "array_length(a, 1)", "2"]));
        assert!(matches!(controls[1], LoopControl::Query { query, .. } if query.span.of(body) == "SELECT tablename FROM pg_tables"));
        assert!(matches!(controls[2], LoopControl::Query { targets, .. } if names(targets) == ["a", "b"]));
        assert!(
            matches!(controls[3], LoopControl::Each { slice: Some(one), array, .. } if one == "1" && array.span.of(body) == "ARRAY['a', 'b']")
        );
        assert!(matches!(controls[4], LoopControl::Cursor { cursor, args, .. } if cursor.name == "c" && args[0].name.is_some()));
        assert!(matches!(controls[5], LoopControl::Query { .. }));
        assert!(matches!(controls[6], LoopControl::While(condition) if condition.span.of(body) == "x > 0"));
        assert!(
            routine.block.body[0].span.of(body).starts_with("<<outer>>") && routine.block.body[0].span.of(body).ends_with("END LOOP outer")
        );
        assert_eq!(routine.statements().count(), 7 + 8);
    }

    #[test]
    fn case_is_a_statement_or_an_expression() {
        let body = "BEGIN
            CASE kind WHEN 'a', f(1, 2) THEN x := CASE WHEN y THEN 1 ELSE 2 END; ELSE NULL; END CASE;
            CASE WHEN x > 1 THEN PERFORM pg_notify('c', 'm'); END CASE; END";
        let routine = read(body);
        let [first, second] = &routine.block.body[..] else { panic!() };
        assert!(
            matches!(&first.kind, StmtKind::Case { operand: Some(_), whens, otherwise: Some(_) } if texts(&whens[0].0, body) == ["'a'", "f(1, 2)"])
        );
        assert!(matches!(&second.kind, StmtKind::Case { operand: None, otherwise: None, .. }));
        assert_eq!(pieces(body)[3], "Expression: CASE WHEN y THEN 1 ELSE 2 END");
        assert_eq!(pieces(body)[5], "Perform: pg_notify('c', 'm')");
    }

    #[test]
    fn raise_and_its_placeholders() {
        let body = "BEGIN RAISE; RAISE NOTICE 'at % of %%: %', a, f(b, c); RAISE unique_violation USING MESSAGE = 'x', hint := 'y';
            RAISE EXCEPTION SQLSTATE 'P0001'; RAISE USING ERRCODE = '42501'; RAISE EXCEPTION E'it''s %' USING DETAIL = 'd'; RAISE 'no %', 1, 2; END";
        let routine = read(body);
        let raises: Vec<_> = routine
            .statements()
            .map(|stmt| match &stmt.kind {
                StmtKind::Raise(raise) => raise,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!((raises[1].level, texts(&raises[1].params, body)), (Level::Notice, vec!["a", "f(b, c)"]));
        assert!(matches!(&raises[2].condition, Some(Condition::Name(name)) if name.name == "unique_violation"));
        assert_eq!(raises[2].options.iter().map(|option| option.0.as_str()).collect::<Vec<_>>(), ["message", "hint"]);
        assert!(matches!(&raises[3].condition, Some(Condition::State(code, _)) if code == "P0001"));
        let wrong: Vec<_> = routine.statements().filter_map(raise_mismatch).map(|found| (found.message(), found.span.of(body))).collect();
        assert_eq!(
            wrong,
            [("too few parameters specified for RAISE", "E'it''s %'"), ("too many parameters specified for RAISE", "'no %'")]
        );
    }

    #[test]
    fn handlers_and_nested_blocks() {
        let body = "BEGIN
            <<inner>> DECLARE v int; BEGIN v := 1; EXIT inner; EXCEPTION WHEN unique_violation OR SQLSTATE '23503' THEN NULL; END inner;
            EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS msg = MESSAGE_TEXT, v.detail := PG_EXCEPTION_DETAIL; RAISE; END;";
        let routine = read(body);
        let StmtKind::Block(inner) = &routine.block.body[0].kind else { panic!() };
        assert_eq!(inner.handlers[0].conditions.len(), 2);
        assert!(inner.span.of(body).starts_with("<<inner>>") && inner.span == routine.block.body[0].span);
        let StmtKind::GetDiagnostics { stacked: true, items } = &routine.block.handlers[0].body[0].kind else { panic!() };
        assert_eq!((items[1].0.to_string().as_str(), items[1].1.as_str()), ("v.detail", "pg_exception_detail"));
        assert_eq!(routine.declarations().count(), 1);
        assert_eq!(routine.statements().count(), 6);
    }

    #[test]
    fn cursors_and_the_rest() {
        let body = "BEGIN OPEN a; OPEN a(1, x := 2); OPEN b NO SCROLL FOR SELECT 1; FETCH a INTO x; FETCH RELATIVE -1 FROM a INTO x, y;
            MOVE FORWARD 2 IN a; CLOSE a; CALL p(1); COMMIT AND CHAIN; ROLLBACK; ASSERT x > 0, 'positive'; RETURN NEXT; RETURN next.field; END";
        let routine = read(body);
        let kinds: Vec<_> = routine.statements().map(|stmt| &stmt.kind).collect();
        assert!(matches!(kinds[1], StmtKind::Open { source: OpenSource::Bound { args }, .. } if args.len() == 2));
        assert!(matches!(kinds[2], StmtKind::Open { source: OpenSource::Query(query), .. } if query.span.of(body) == "SELECT 1"));
        assert!(matches!(kinds[4], StmtKind::Fetch { direction: Some(direction), .. } if direction.span.of(body) == "RELATIVE -1"));
        assert!(matches!(kinds[7], StmtKind::Call { sql } if sql.span.of(body) == "CALL p(1)"));
        assert!(matches!(kinds[10], StmtKind::Assert { message: Some(_), .. }));
        assert!(matches!(kinds[11], StmtKind::ReturnNext { value: None }));
        assert!(matches!(kinds[12], StmtKind::Return { value: Some(value) } if value.span.of(body) == "next.field"));
    }

    #[test]
    fn semicolons_inside_definitions_end_nothing() {
        let body = "BEGIN CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);
            CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; END; NULL; END";
        assert_eq!(read(body).block.body.len(), 3);
    }

    #[test]
    fn what_the_compiler_refuses() {
        for (body, message, at) in [
            ("BEGIN IF a THEN NULL; END;", "syntax error at or near \";\"", ";"),
            ("BEGIN IF a NULL; END IF; END", "missing \"THEN\" at end of SQL expression", ";"),
            ("BEGIN IF THEN NULL; END IF; END", "missing expression at or near \"THEN\"", "THEN"),
            ("BEGIN x := (1; END", "mismatched parentheses at or near \";\"", ";"),
            ("BEGIN NULL END", "syntax error at or near \"END\"", "END"),
            ("BEGIN foo(1); END", "syntax error at or near \"foo\"", "foo"),
            ("BEGIN audit.log(1); END", "syntax error at or near \"audit\"", "audit"),
            ("BEGIN ELSE; END", "syntax error at or near \"ELSE\"", "ELSE"),
            ("BEGIN RETURN 1", "missing \";\" at end of SQL expression", ""),
            ("BEGIN SELECT 1", "unexpected end of function definition at end of input", ""),
            ("BEGIN EXIT; END", "EXIT cannot be used outside a loop, unless it has a label", "EXIT"),
            ("BEGIN LOOP CONTINUE x; END LOOP; END", "there is no label \"x\" attached to any block or loop enclosing this statement", "x"),
            ("<<a>> BEGIN LOOP CONTINUE a; END LOOP; END", "block label \"a\" cannot be used in CONTINUE", "a"),
            ("BEGIN NULL; END b", "end label \"b\" specified for unlabeled block", "b"),
            ("<<a>> BEGIN NULL; END b", "end label \"b\" differs from block's label \"a\"", "b"),
            ("DECLARE a int; a text; BEGIN END", "duplicate declaration at or near \"a\"", "a"),
            ("DECLARE a int NOT NULL; BEGIN END", "variable \"a\" must have a default value, since it's declared NOT NULL", "a"),
            ("DECLARE <<a>> BEGIN END", "block label must be placed before DECLARE, not after", "<<"),
            ("DECLARE loop int; BEGIN END", "syntax error at or near \"loop\"", "loop"),
            ("BEGIN EXCEPTION WHEN no_such THEN NULL; END", "unrecognized exception condition \"no_such\"", "no_such"),
            ("BEGIN RAISE others; END", "unrecognized exception condition \"others\"", "others"),
            ("BEGIN RAISE 'a' 'b'; END", "syntax error at or near \"'b'\"", "'b'"),
            ("BEGIN RAISE 'a' USING foo = 1; END", "unrecognized RAISE statement option at or near \"foo\"", "foo"),
            ("BEGIN current_date := 1; END", "syntax error at or near \"current_date\"", "current_date"),
            ("BEGIN FOR r IN f(1) LOOP NULL; END LOOP; END", "syntax error at or near \"f\"", "f"),
            ("BEGIN FETCH ALL FROM c INTO x; END", "FETCH statement cannot return multiple rows", "ALL"),
            (
                "BEGIN GET DIAGNOSTICS x = MESSAGE_TEXT; END",
                "diagnostics item MESSAGE_TEXT is not allowed in GET CURRENT DIAGNOSTICS",
                "MESSAGE_TEXT",
            ),
            ("BEGIN x := 'a; END", "unterminated quoted string", "'a; END"),
            ("BEGIN END; SELECT 1", "syntax error at or near \"SELECT\"", "SELECT"),
            ("", "syntax error at end of input", ""),
            ("  -- nothing", "syntax error at end of input", ""),
        ] {
            assert_eq!(refused(body), (message.to_string(), at), "{body}");
        }
    }

    #[test]
    fn targets_that_are_no_variable() {
        let body = "<<b>> DECLARE known int; BEGIN
            known := 1; b.known := 2; lost := 3; param := 4; GET DIAGNOSTICS known = ROW_COUNT; found := true;
            FOR r IN SELECT 1 LOOP NULL; END LOOP; FOR i IN 1..2 LOOP i := 3; END LOOP; i := 4;
            DECLARE inner_one int; BEGIN SELECT 1 INTO inner_one; END; SELECT 1 INTO inner_one; END";
        let found = unknown_variables(&read(body), &|name| name == "param");
        let found: Vec<_> = found.iter().map(|error| (error.message.as_str(), error.span.of(body))).collect();
        assert_eq!(
            found,
            [
                ("\"lost\" is not a known variable", "lost"),
                ("loop variable of loop over rows must be a record variable or list of scalar variables", "r"),
                ("\"i\" is not a known variable", "i"),
                ("\"inner_one\" is not a known variable", "inner_one"),
            ]
        );
    }

    #[test]
    fn hostile_bodies_are_refused_in_time() {
        for deep in ["BEGIN ", "IF a THEN ", "<<l>> LOOP ", "CASE WHEN a THEN ", "DECLARE BEGIN NULL; EXCEPTION WHEN others THEN "] {
            let body = format!("BEGIN {}", deep.repeat(10_000));
            assert_eq!(refused(&body).0, "nested too deeply");
        }
        assert_eq!(refused(&format!("BEGIN x := {}", "(".repeat(100_000))).0, "mismatched parentheses at end of input");
        assert!(refused(&format!("BEGIN {} END", "IF a ".repeat(100_000))).0.starts_with("missing \"THEN\""));
        let statements = "UPDATE notes SET a = (b + 1) WHERE c = 'd;' RETURNING id INTO v; ";
        let body = format!("BEGIN {}END", statements.repeat((1 << 20) / statements.len() + 1));
        assert_eq!(read(&body).statements().count(), (1 << 20) / statements.len() + 1);
    }

    #[test]
    fn any_cut_of_a_body_is_read_or_refused() {
        for end in 0..GUARD.len() {
            for start in [0, GUARD.find("BEGIN").unwrap_or(0), end / 2] {
                if start <= end {
                    let _ = parse(GUARD, Span::new(start as u32, end as u32), BackslashMode::Literal);
                }
            }
        }
    }
}
