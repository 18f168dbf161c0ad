//! Statements of a block.
//!
//! Promises: each statement is read with its `;`. A token that cannot begin a statement is rejected at its own location.

use super::super::words::{begins_sql, is_reserved_in_sql};
use super::*;

impl<'a> Reader<'a> {
    /// Returns whether the next token ends a list of statements.
    fn at_end(&self) -> bool {
        self.cursor.done()
            || self.cursor.is_any(&["END", "ELSE", "WHEN"])
            || (self.cursor.is_any(&["ELSIF", "ELSEIF", "EXCEPTION"]) && !self.at_assignment())
    }

    pub(super) fn statements(&mut self) -> Result<Vec<Stmt>> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return refuse(self.here(), "nested too deeply");
        }
        let mut out = Vec::new();
        while !self.at_end() {
            let start = self.cursor.pos;
            let kind = self.statement()?;
            out.push(Stmt { span: self.without_semicolon(start), kind });
        }
        self.depth -= 1;
        Ok(out)
    }

    /// Reads one statement and its `;`.
    fn statement(&mut self) -> Result<StmtKind> {
        if self.at_assignment() {
            return self.assignment();
        }
        if self.cursor.is_op("<<") {
            let start = self.cursor.pos;
            let label = self.label()?;
            return if self.cursor.is_any(&["DECLARE", "BEGIN"]) { self.inner_block(start, label) } else { self.loop_statement(label) };
        }
        let Some(token) = self.cursor.peek().filter(|token| token.kind == TokenKind::Word) else {
            return self.unexpected();
        };
        let word = ident_value(token, self.cursor.text);
        match word.as_str() {
            "begin" | "declare" => self.inner_block(self.cursor.pos, None),
            "loop" | "while" | "for" | "foreach" => self.loop_statement(None),
            "if" => self.if_statement(),
            "case" => self.case_statement(),
            "call" => Ok(StmtKind::Call { sql: self.query()? }),
            head if begins_sql(head) => self.sql_statement(),
            _ => self.simple_statement(&word),
        }
    }

    /// Reads a statement without nested statements. `word` is its first word.
    fn simple_statement(&mut self, word: &str) -> Result<StmtKind> {
        let start = self.cursor.pos;
        self.cursor.pos += 1;
        match word {
            "perform" => Ok(StmtKind::Perform { query: self.piece(SEMICOLON, Construct::Statement)?.0 }),
            "return" => self.return_statement(),
            "raise" => self.raise_statement(),
            "execute" => self.execute_statement(),
            "exit" => self.exit_statement(true),
            "continue" => self.exit_statement(false),
            "assert" => self.assert_statement(),
            "get" => self.get_diagnostics(),
            "open" => self.open_statement(),
            "fetch" => self.fetch_statement(),
            "move" => self.move_statement(),
            "close" => {
                let cursor = self.name()?;
                self.semicolon().map(|()| StmtKind::Close { cursor })
            }
            "commit" | "rollback" => {
                let _ = self.cursor.eat("AND CHAIN") || self.cursor.eat("AND NO CHAIN");
                self.semicolon().map(|()| if word == "commit" { StmtKind::Commit } else { StmtKind::Rollback })
            }
            "null" => self.semicolon().map(|()| StmtKind::Null),
            _ => {
                self.cursor.pos = start;
                self.unexpected()
            }
        }
    }

    /// Returns whether an assignment is next. A name before `:=`, `=`, `[` or `.` is a variable, even if it is also a keyword.
    fn at_assignment(&self) -> bool {
        let (Some(first), Some(second)) = (self.cursor.peek(), self.cursor.ahead(1)) else { return false };
        let follows = match second.kind {
            TokenKind::Assign | TokenKind::LBracket | TokenKind::Dot => true,
            TokenKind::Operator => self.cursor.slice(second) == "=",
            _ => false,
        };
        follows && (self.cursor.is_ident() || first.kind == TokenKind::Param) && !self.reserved(first)
    }

    fn assignment(&mut self) -> Result<StmtKind> {
        let start = self.cursor.pos;
        if self
            .cursor
            .peek()
            .is_some_and(|first| first.kind == TokenKind::Word && is_reserved_in_sql(&ident_value(first, self.cursor.text)))
        {
            return self.unexpected();
        }
        let name = self.variable()?;
        loop {
            if self.cursor.eat_kind(TokenKind::LBracket) {
                self.subscript()?;
            } else if self.cursor.eat_kind(TokenKind::Dot) {
                self.variable()?;
            } else {
                break;
            }
        }
        let target = self.since(start);
        if !(self.cursor.is_kind(TokenKind::Assign) || self.cursor.is_op("=")) {
            // a function call without PERFORM or SELECT, for which PostgreSQL reports the name
            self.cursor.pos = start;
            return self.unexpected();
        }
        self.cursor.pos += 1;
        let from = self.cursor.pos;
        let (value, _) = self.piece(SEMICOLON, Construct::Statement)?;
        if value.start == value.end {
            self.cursor.pos = from;
            return self.unexpected();
        }
        Ok(StmtKind::Assign(Assign { name, target, value }))
    }

    /// Reads up to the closing bracket.
    fn subscript(&mut self) -> Result<()> {
        let mut depth = 1usize;
        while let Some(token) = self.cursor.peek() {
            match token.kind {
                TokenKind::LParen | TokenKind::LBracket => depth += 1,
                TokenKind::RParen | TokenKind::RBracket => depth -= 1,
                TokenKind::Semicolon => return Err(self.near("mismatched parentheses")),
                TokenKind::Broken(_) | TokenKind::Meta => return self.unexpected(),
                _ => {}
            }
            self.cursor.pos += 1;
            if depth == 0 {
                return Ok(());
            }
        }
        Err(self.near("mismatched parentheses"))
    }

    fn inner_block(&mut self, start: usize, label: Option<Ident>) -> Result<StmtKind> {
        let block = self.block(start, label).map(Box::new)?;
        self.semicolon().map(|()| StmtKind::Block(block))
    }

    fn if_statement(&mut self) -> Result<StmtKind> {
        let mut branches = Vec::new();
        while branches.is_empty() || self.cursor.is_any(&["ELSIF", "ELSEIF"]) {
            self.cursor.pos += 1;
            let condition = self.expression_until(THEN)?;
            branches.push((condition, self.statements()?));
        }
        let otherwise = if self.cursor.eat("ELSE") { self.statements()? } else { Vec::new() };
        self.expect("END")?;
        self.expect("IF")?;
        self.semicolon()?;
        Ok(StmtKind::If { branches, otherwise })
    }

    fn case_statement(&mut self) -> Result<StmtKind> {
        self.cursor.pos += 1;
        let mut operand = None;
        if !self.cursor.is("WHEN") {
            operand = Some(self.expression_until(&[Stop::Word("WHEN")])?);
            self.cursor.pos -= 1;
        }
        let mut whens = Vec::new();
        while whens.is_empty() || self.cursor.is("WHEN") {
            self.expect("WHEN")?;
            let values = if operand.is_some() { self.expressions(THEN)?.0 } else { vec![self.expression_until(THEN)?] };
            whens.push((values, self.statements()?));
        }
        let otherwise = if self.cursor.eat("ELSE") { Some(self.statements()?) } else { None };
        self.expect("END")?;
        self.expect("CASE")?;
        self.semicolon()?;
        Ok(StmtKind::Case { operand, whens, otherwise })
    }

    fn sql_statement(&mut self) -> Result<StmtKind> {
        let start = self.cursor.pos;
        let import = self.cursor.is("IMPORT");
        let create = self.cursor.is("CREATE");
        let routine = ["CREATE FUNCTION", "CREATE PROCEDURE", "CREATE OR REPLACE FUNCTION", "CREATE OR REPLACE PROCEDURE"]
            .iter()
            .any(|words| self.cursor.is_words(words));
        // semicolons inside `CREATE RULE … DO (…; …)` and `BEGIN ATOMIC … END` do not end the statement
        let (mut parens, mut begins) = (0usize, 0usize);
        let mut into = None;
        loop {
            let before = self.cursor.pos.checked_sub(1).map(|at| self.cursor.tokens[at]);
            let Some(token) = self.cursor.peek() else { return Err(self.near("unexpected end of function definition")) };
            match token.kind {
                TokenKind::Semicolon if begins == 0 && parens == 0 => break,
                TokenKind::Semicolon if !create => return self.unexpected(),
                TokenKind::LParen => parens += 1,
                TokenKind::RParen => parens = parens.saturating_sub(1),
                TokenKind::Broken(_) | TokenKind::Meta => return self.unexpected(),
                TokenKind::Word if routine && self.cursor.is("BEGIN") => begins += 1,
                TokenKind::Word if begins > 0 && self.cursor.is("CASE") => begins += 1,
                TokenKind::Word if begins > 0 && self.cursor.is("END") => begins -= 1,
                TokenKind::Word if self.cursor.is("INTO") && !import && !self.takes_into(before) => {
                    if into.is_some() {
                        return Err(self.near("INTO specified more than once"));
                    }
                    self.cursor.pos += 1;
                    into = Some(self.read_into()?);
                    continue;
                }
                _ => {}
            }
            self.cursor.pos += 1;
        }
        let sql = self.since(start);
        self.cursor.pos += 1;
        Ok(StmtKind::Sql { sql, into })
    }

    /// Returns whether the next INTO belongs to `INSERT INTO` or `MERGE INTO`, so that a table follows and not a variable.
    fn takes_into(&self, before: Option<Token>) -> bool {
        before.is_some_and(|token| {
            let text = self.cursor.slice(token);
            token.kind == TokenKind::Word && (text.eq_ignore_ascii_case("insert") || text.eq_ignore_ascii_case("merge"))
        })
    }

    /// Reads this word, unless it is the first part of a qualified name. Returns whether it read the word.
    fn eat_alone(&mut self, word: &str) -> bool {
        let dotted = self.cursor.ahead(1).is_some_and(|next| next.kind == TokenKind::Dot);
        !dotted && self.cursor.eat(word)
    }

    fn optional_value(&mut self) -> Result<Option<Piece>> {
        if self.cursor.eat_kind(TokenKind::Semicolon) { Ok(None) } else { self.expression_until(SEMICOLON).map(Some) }
    }

    fn return_statement(&mut self) -> Result<StmtKind> {
        if self.eat_alone("NEXT") {
            return self.optional_value().map(|value| StmtKind::ReturnNext { value });
        }
        if !self.eat_alone("QUERY") {
            return self.optional_value().map(|value| StmtKind::Return { value });
        }
        if self.cursor.eat("EXECUTE") {
            let (command, using) = self.command(Stop::Semicolon)?;
            return Ok(StmtKind::ReturnQueryExecute { command, using });
        }
        self.query().map(|query| StmtKind::ReturnQuery { query })
    }

    fn execute_statement(&mut self) -> Result<StmtKind> {
        let (command, mut stop) = self.expression(&[Stop::Word("INTO"), Stop::Word("USING"), Stop::Semicolon])?;
        let mut into = None;
        let mut using = Vec::new();
        // INTO and USING can be in either order, each once
        loop {
            match stop {
                Stop::Word("INTO") if into.is_none() => {
                    into = Some(self.read_into()?);
                    stop = if self.cursor.is("USING") { Stop::Word("USING") } else { Stop::Semicolon };
                    if !self.cursor.eat("USING") {
                        self.semicolon()?;
                    }
                }
                Stop::Word("USING") if using.is_empty() => {
                    (using, stop) = self.expressions(&[Stop::Semicolon, Stop::Word("INTO")])?;
                }
                Stop::Semicolon => return Ok(StmtKind::Execute { command, into, using }),
                _ => {
                    self.cursor.pos -= 1;
                    return self.unexpected();
                }
            }
        }
    }

    fn exit_statement(&mut self, exit: bool) -> Result<StmtKind> {
        let keyword = self.cursor.tokens[self.cursor.pos - 1].span();
        let label = if self.cursor.is_ident() && !self.cursor.is("WHEN") { Some(self.name()?) } else { None };
        self.check_exit(exit, label.as_ref(), keyword)?;
        let when = if self.cursor.eat("WHEN") {
            Some(self.expression_until(SEMICOLON)?)
        } else {
            self.semicolon()?;
            None
        };
        Ok(if exit { StmtKind::Exit { label, when } } else { StmtKind::Continue { label, when } })
    }

    fn check_exit(&self, exit: bool, label: Option<&Ident>, keyword: Span) -> Result<()> {
        let Some(label) = label else {
            return match (self.scopes.iter().any(|scope| scope.is_loop), exit) {
                (true, _) => Ok(()),
                (false, true) => refuse(keyword, "EXIT cannot be used outside a loop, unless it has a label"),
                (false, false) => refuse(keyword, "CONTINUE cannot be used outside a loop"),
            };
        };
        match self.scopes.iter().rev().find(|scope| scope.label.as_ref() == Some(&label.name)) {
            Some(scope) if exit || scope.is_loop => Ok(()),
            Some(_) => refuse(label.span, format!("block label \"{}\" cannot be used in CONTINUE", label.name)),
            None => {
                let message = format!("there is no label \"{}\" attached to any block or loop enclosing this statement", label.name);
                refuse(label.span, message)
            }
        }
    }

    fn assert_statement(&mut self) -> Result<StmtKind> {
        let (condition, stop) = self.expression(&[Stop::Comma, Stop::Semicolon])?;
        let message = if stop == Stop::Comma { Some(self.expression_until(SEMICOLON)?) } else { None };
        Ok(StmtKind::Assert { condition, message })
    }
}

/// Loops.
impl<'a> Reader<'a> {
    fn loop_statement(&mut self, label: Option<Ident>) -> Result<StmtKind> {
        let control = self.loop_control()?;
        self.enter(label.as_ref(), true);
        let body = self.statements()?;
        self.expect("END")?;
        self.expect("LOOP")?;
        self.end_label(label.as_ref())?;
        self.scopes.pop();
        self.semicolon()?;
        Ok(StmtKind::Loop(Box::new(Loop { label, control, body })))
    }

    /// Reads the head of a loop, including LOOP.
    fn loop_control(&mut self) -> Result<LoopControl> {
        if self.cursor.eat("LOOP") {
            return Ok(LoopControl::Forever);
        }
        if self.cursor.eat("WHILE") {
            return self.expression_until(LOOP).map(LoopControl::While);
        }
        if self.cursor.eat("FOREACH") {
            return self.foreach();
        }
        self.expect("FOR")?;
        let targets = self.variables()?;
        self.expect("IN")?;
        if self.cursor.eat("EXECUTE") {
            let (command, using) = self.command(Stop::Word("LOOP"))?;
            return Ok(LoopControl::Execute { targets, command, using });
        }
        self.for_in(targets)
    }

    fn foreach(&mut self) -> Result<LoopControl> {
        let targets = self.variables()?;
        let slice = if self.cursor.eat("SLICE") {
            let at = self.cursor.pos;
            self.expect_kind(TokenKind::Number)?;
            Some(self.cursor.slice(self.cursor.tokens[at]).into())
        } else {
            None
        };
        self.expect("IN")?;
        self.expect("ARRAY")?;
        Ok(LoopControl::Each { targets, slice, array: self.expression_until(LOOP)? })
    }

    /// Reads a range if `..` comes before LOOP, or else a cursor or query.
    fn for_in(&mut self, targets: Vec<ObjectName>) -> Result<LoopControl> {
        let reverse_at = self.cursor.here();
        let reverse = self.cursor.eat("REVERSE");
        let (first, stop) = self.expression(&[Stop::DotDot, Stop::Word("LOOP")])?;
        let target_span = targets[0].span();
        let single = match targets.as_slice() {
            [only] if only.parts.len() == 1 => Some(only.parts[0].clone()),
            _ => None,
        };
        if stop == Stop::DotDot {
            let Some(var) = single else { return refuse(target_span, "integer FOR loop must have only one target variable") };
            let (high, stop) = self.expression(&[Stop::Word("LOOP"), Stop::Word("BY")])?;
            let by = if stop == Stop::Word("BY") { Some(self.expression_until(LOOP)?) } else { None };
            return Ok(LoopControl::Range { var, reverse, low: first, high, by });
        }
        if reverse {
            return refuse(reverse_at, "cannot specify REVERSE in query FOR loop");
        }
        if !self.is_cursor(first)? {
            return Ok(LoopControl::Query { targets, query: first });
        }
        let Some(var) = single else { return refuse(target_span, "cursor FOR loop must have only one target variable") };
        self.cursor.pos = first.start;
        let cursor = self.name()?;
        let args = self.cursor_args()?;
        self.expect("LOOP")?;
        Ok(LoopControl::Cursor { var, cursor, args })
    }

    /// Returns whether a name is used instead of a query. It must be a cursor of an enclosing block.
    fn is_cursor(&self, piece: Piece) -> Result<bool> {
        let part = self.cursor.part(piece.start, piece.end);
        let alone = piece.end - piece.start == 1;
        let called = part.ahead(1).is_some_and(|next| next.kind == TokenKind::LParen) && part.matching(piece.start + 1) + 1 == piece.end;
        if !part.is_ident() || !(alone || called) || part.is_any(&["SELECT", "VALUES"]) {
            return Ok(false);
        }
        let name = part.clone().label()?;
        if self.scopes.iter().any(|scope| scope.cursors.contains(&name.name)) {
            return Ok(true);
        }
        refuse(name.span, format!("syntax error at or near \"{}\"", name.span.of(self.cursor.text)))
    }

    /// Reads `(value, name := value, …)`, if it is next.
    fn cursor_args(&mut self) -> Result<Vec<CursorArg>> {
        let mut out = Vec::new();
        if !self.cursor.eat_kind(TokenKind::LParen) {
            return Ok(out);
        }
        loop {
            let named = self.cursor.is_ident() && self.cursor.ahead(1).is_some_and(|next| next.kind == TokenKind::Assign);
            let name = if named { Some(self.cursor.label()?) } else { None };
            self.cursor.pos += named as usize;
            let (value, stop) = self.expression(&[Stop::Comma, Stop::RParen])?;
            out.push(CursorArg { name, value });
            if stop == Stop::RParen {
                return Ok(out);
            }
        }
    }
}

/// RAISE, diagnostics and cursors.
impl<'a> Reader<'a> {
    fn raise_statement(&mut self) -> Result<StmtKind> {
        let mut raise = Raise { level: Level::Exception, format: None, params: Vec::new(), condition: None, options: Vec::new() };
        if self.cursor.eat_kind(TokenKind::Semicolon) {
            return Ok(StmtKind::Raise(Box::new(raise)));
        }
        if let Some(level) = self.level() {
            raise.level = level;
        }
        let mut using = self.cursor.eat("USING");
        if !using {
            using = if self.cursor.is_string() { self.raise_format(&mut raise)? } else { self.raise_condition(&mut raise)? };
        }
        if using {
            raise.options = self.raise_options()?;
        }
        Ok(StmtKind::Raise(Box::new(raise)))
    }

    fn level(&mut self) -> Option<Level> {
        [
            ("EXCEPTION", Level::Exception),
            ("WARNING", Level::Warning),
            ("NOTICE", Level::Notice),
            ("INFO", Level::Info),
            ("LOG", Level::Log),
            ("DEBUG", Level::Debug),
        ]
        .into_iter()
        .find(|(word, _)| self.cursor.eat(word))
        .map(|(_, level)| level)
    }

    /// Reads the format and parameters. Returns true if USING follows, and false after `;`.
    fn raise_format(&mut self, raise: &mut Raise) -> Result<bool> {
        raise.format = Some(self.string()?);
        if !self.cursor.eat_kind(TokenKind::Comma) {
            return self.raise_end();
        }
        let (params, stop) = self.expressions(&[Stop::Semicolon, Stop::Word("USING")])?;
        raise.params = params;
        Ok(stop != Stop::Semicolon)
    }

    fn raise_condition(&mut self, raise: &mut Raise) -> Result<bool> {
        raise.condition = Some(self.condition(false)?);
        self.raise_end()
    }

    fn raise_end(&mut self) -> Result<bool> {
        if self.cursor.eat("USING") {
            return Ok(true);
        }
        self.semicolon().map(|()| false)
    }

    fn raise_options(&mut self) -> Result<Vec<(SmolStr, Piece)>> {
        const OPTIONS: [&str; 9] = ["MESSAGE", "DETAIL", "HINT", "ERRCODE", "COLUMN", "CONSTRAINT", "DATATYPE", "TABLE", "SCHEMA"];
        let mut out = Vec::new();
        loop {
            if !self.cursor.is_any(&OPTIONS) {
                return Err(self.near("unrecognized RAISE statement option"));
            }
            let name = self.cursor.label()?.name;
            self.assign_operator()?;
            let (value, stop) = self.expression(&[Stop::Comma, Stop::Semicolon])?;
            out.push((name, value));
            if stop == Stop::Semicolon {
                return Ok(out);
            }
        }
    }

    fn get_diagnostics(&mut self) -> Result<StmtKind> {
        let stacked = self.cursor.eat("STACKED");
        let _ = !stacked && self.cursor.eat("CURRENT");
        self.expect("DIAGNOSTICS")?;
        let mut items = Vec::new();
        loop {
            let target = self.variable()?;
            self.assign_operator()?;
            items.push((target, self.diagnostics_item(stacked)?));
            if !self.cursor.eat_kind(TokenKind::Comma) {
                break;
            }
        }
        self.semicolon()?;
        Ok(StmtKind::GetDiagnostics { stacked, items })
    }

    fn diagnostics_item(&mut self, stacked: bool) -> Result<SmolStr> {
        const STACKED: [&str; 10] = [
            "PG_EXCEPTION_DETAIL",
            "PG_EXCEPTION_HINT",
            "PG_EXCEPTION_CONTEXT",
            "COLUMN_NAME",
            "CONSTRAINT_NAME",
            "PG_DATATYPE_NAME",
            "MESSAGE_TEXT",
            "TABLE_NAME",
            "SCHEMA_NAME",
            "RETURNED_SQLSTATE",
        ];
        let current = self.cursor.is_any(&["ROW_COUNT", "PG_ROUTINE_OID"]);
        let other = self.cursor.is_any(&STACKED);
        if !current && !other && !self.cursor.is("PG_CONTEXT") {
            return Err(self.near("unrecognized GET DIAGNOSTICS item"));
        }
        let item = self.cursor.label()?;
        if (current && stacked) || (other && !stacked) {
            let area = if stacked { "STACKED" } else { "CURRENT" };
            let name = item.name.to_ascii_uppercase();
            return refuse(item.span, format!("diagnostics item {name} is not allowed in GET {area} DIAGNOSTICS"));
        }
        Ok(item.name)
    }

    fn open_statement(&mut self) -> Result<StmtKind> {
        let cursor = self.name()?;
        let _ = self.cursor.eat("NO SCROLL") || self.cursor.eat("SCROLL");
        let _ = self.cursor.eat("WITH RETURN") || self.cursor.eat("WITHOUT RETURN");
        let source = if !self.cursor.eat("FOR") {
            let args = self.cursor_args()?;
            self.semicolon()?;
            OpenSource::Bound { args }
        } else if self.cursor.eat("EXECUTE") {
            let (command, using) = self.command(Stop::Semicolon)?;
            OpenSource::Execute { command, using }
        } else {
            OpenSource::Query(self.query()?)
        };
        Ok(StmtKind::Open { cursor, source })
    }

    /// Reads the direction of FETCH and MOVE, including FROM or IN.
    fn direction(&mut self) -> Result<Option<Piece>> {
        if self.cursor.eat("FROM") || self.cursor.eat("IN") {
            return Ok(None);
        }
        let last = self.cursor.part(self.cursor.pos + 1, self.cursor.end);
        if self.cursor.is_ident() && (last.is("INTO") || last.is_kind(TokenKind::Semicolon)) {
            return Ok(None);
        }
        self.expression_until(&[Stop::Word("FROM"), Stop::Word("IN")]).map(Some)
    }

    fn fetch_statement(&mut self) -> Result<StmtKind> {
        let direction = self.direction()?;
        if let Some(many) = direction.filter(|direction| !self.names_one_row(*direction)) {
            return refuse(many.span, "FETCH statement cannot return multiple rows");
        }
        let cursor = self.name()?;
        self.expect("INTO")?;
        let start = self.cursor.pos - 1;
        let targets = self.variables()?;
        let into = IntoClause { piece: self.since(start), strict: false, targets };
        self.semicolon()?;
        Ok(StmtKind::Fetch { direction, cursor, into })
    }

    fn names_one_row(&self, direction: Piece) -> bool {
        let part = self.cursor.part(direction.start, direction.end);
        let alone = direction.end - direction.start == 1;
        part.is_any(&["ABSOLUTE", "RELATIVE"]) || (alone && part.is_any(&["NEXT", "PRIOR", "FIRST", "LAST", "FORWARD", "BACKWARD"]))
    }

    fn move_statement(&mut self) -> Result<StmtKind> {
        let direction = self.direction()?;
        let cursor = self.name()?;
        self.semicolon()?;
        Ok(StmtKind::Move { direction, cursor })
    }
}
