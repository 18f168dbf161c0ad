//! Query shapes: what a file of application code asks of the database, as plain data.
//!
//! Promises: no type here depends on the language or the parser of the code. Spans are byte ranges of the file, also for the scripts of
//! Vue and Svelte files. What a program decides at run time is `None` or `Unknown`. It is never guessed. A part of a query is *certain*
//! if each path through the code applies it. Otherwise it is *possible*.

use smol_str::SmolStr;
use supalint_syntax::source::Span;

/// A file of application code.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CodeFile {
    /// Path relative to the root of the project, with forward slashes.
    pub path: String,
    /// Whether the file is a test, a mock, a story or a fixture.
    pub in_test: bool,
    /// Whether the file is part of a browser bundle: it has `"use client"`, or is a Vue or Svelte component.
    pub in_browser: bool,
    /// Queries in the order of their positions. [`QueryIndex`] is an index of this list.
    pub queries: Vec<Query>,
    pub sql: Vec<SqlText>,
    pub keys: Vec<KeyUse>,
    pub allows: Vec<AllowComment>,
    pub invalid_allows: Vec<InvalidAllow>,
    /// Why the file, or a part of it, was not read.
    pub unread: Option<Unread>,
    /// Imports and exports, for [`crate::link()`].
    pub(crate) module: Module,
}

/// Reason for which a file has no shapes or too few.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// The parser rejected the file. The message is that of the parser.
    Syntax { message: String, span: Span },
    /// The file is larger than [`crate::MAX_BYTES`].
    TooLarge,
    /// Brackets or chains are nested more deeply than the parser supports.
    TooDeep,
}

/// A name or text that stands in the code, without quotes and escapes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Named {
    pub text: SmolStr,
    /// Span of the text without quotes. If the text is a constant, the span is its use in the query.
    pub span: Span,
}

/// Index of a query in [`CodeFile::queries`].
pub type QueryIndex = usize;

/// A call chain of supabase-js, such as `supabase.from('posts').select('id').eq('author_id', id)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Span of the whole chain. If the query continues through a variable, the span is that of its first chain.
    pub span: Span,
    /// Span of `.from('posts')` or `.rpc('search')`, without the receiver.
    pub source: Span,
    /// Span of the argument of `from` or `rpc`.
    pub argument: Span,
    pub target: Target,
    pub schema: Schema,
    pub client: Client,
    pub command: Command,
    pub in_test: bool,
    /// Rows that the query returns.
    pub select: Selection,
    /// Conditions, which are joined by AND.
    pub filters: Vec<Condition>,
    pub orders: Vec<Order>,
    pub limit: Option<Limit>,
    /// Offset of the first row, from `range`.
    pub offset: Option<Limit>,
    /// Number of rows that the caller expects.
    pub rows: RowCount,
    pub count: Option<Count>,
    /// Whether only the count is returned (`head: true`).
    pub head: bool,
    /// Whether the result is CSV.
    pub csv: bool,
    /// Rows of an insert, upsert or update, or the arguments of a function call.
    pub payload: Option<Payload>,
    /// Columns of `onConflict` of an upsert. `None` means the primary key, or that the option is unknown (see [`Query::complete`]).
    pub on_conflict: Option<Vec<Named>>,
    /// Whether an upsert skips rows that exist (`ignoreDuplicates: true`).
    pub ignore_duplicates: bool,
    /// Whether all parts of the query are known. It is false if the code passes the unfinished query to another function, or calls a method
    /// that is computed or unknown. Then other filters, orders and limits are possible.
    pub complete: bool,
    pub flow: Flow,
}

/// Target of a query. `None` means that the name is dynamic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Table or view of `from`.
    Relation(Option<Named>),
    /// Function of `rpc`.
    Function(Option<Named>),
}

/// Schema of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schema {
    /// The first schema that the API serves, usually `public`.
    Default,
    Named(Named),
    Unknown,
}

/// Client that sends a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    pub kind: ClientKind,
    /// Expression that the query is called on, such as `supabaseAdmin` or `this.supabase`.
    pub receiver: SmolStr,
    pub span: Span,
}

/// Key and user of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientKind {
    /// Anonymous key, never with a signed-in user.
    Anon,
    /// Anonymous key with the session of the user, if there is one: a client in the browser, or one with cookies or an access token.
    SignedIn,
    /// Service role key, which bypasses row security.
    ServiceRole,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Command {
    Select,
    Insert,
    Upsert,
    Update,
    Delete,
    Call,
}

/// Result columns of a query.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection {
    /// Nothing is returned: an insert, upsert, update or delete without `select`.
    Nothing,
    /// All columns: `select()`, or a function call without `select`.
    All,
    Items(Vec<SelectItem>),
    /// The items that are known of a list with dynamic parts.
    Some(Vec<SelectItem>),
    /// The list is dynamic, or PostgREST cannot parse it.
    Unknown,
    /// PostgREST rejects the list (PGRST100). The span is where its parser stops.
    Invalid(Span),
}

/// An item of a `select` list.
#[derive(Clone, Debug, PartialEq)]
pub enum SelectItem {
    /// `*`
    All(Span),
    Column(SelectColumn),
    /// `count()` without a column.
    Count {
        alias: Option<Named>,
        span: Span,
    },
    Embed(Embed),
}

/// A column in a `select` list, such as `alias:column->key::text.sum()`.
#[derive(Clone, Debug, PartialEq)]
pub struct SelectColumn {
    pub alias: Option<Named>,
    pub column: Column,
    /// `sum`, `avg`, `min`, `max` or `count`.
    pub aggregate: Option<Named>,
    pub cast: Option<Named>,
    pub span: Span,
}

/// An embedded resource, such as `author:users!posts_author_id_fkey!inner(name)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Embed {
    pub alias: Option<Named>,
    /// Table, view, foreign key column, constraint or computed relationship.
    pub resource: Named,
    /// Hint for the relationship: a constraint, a foreign key column or a junction table.
    pub hint: Option<Named>,
    pub join: Join,
    /// Whether the columns are spread into the parent (`...users(name)`).
    pub spread: bool,
    /// An empty list is an embed without columns, which only filters.
    pub items: Vec<SelectItem>,
    pub span: Span,
}

impl Embed {
    /// Returns the name that filters and orders use: the alias, or the resource.
    pub fn name(&self) -> &Named {
        self.alias.as_ref().unwrap_or(&self.resource)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// The default, or `!left`.
    Left,
    /// `!inner`
    Inner,
}

/// A column of a table or of one of its embedded resources, such as `author.settings->theme->>color`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Names or aliases of embedded resources, outermost first.
    pub embeds: Vec<Named>,
    pub name: Named,
    pub json: Vec<JsonStep>,
    pub span: Span,
}

/// A step of a JSON path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonStep {
    pub key: Named,
    /// Whether the step returns text (`->>`).
    pub as_text: bool,
}

/// A condition of a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub kind: ConditionKind,
    pub negated: bool,
    /// Whether each path through the code applies the condition. The members of a group have the value of the group.
    pub certain: bool,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ConditionKind {
    Compare(Filter),
    /// Members joined by AND. `embeds` is the resource that a top-level group applies to.
    All {
        embeds: Vec<Named>,
        members: Vec<Condition>,
    },
    /// Members joined by OR.
    Any {
        embeds: Vec<Named>,
        members: Vec<Condition>,
    },
    /// A dynamic condition, such as `or()` with a substitution.
    Unknown,
    /// PostgREST rejects the text of the condition (PGRST100).
    Invalid,
}

/// A comparison of a column with a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// `None` if the name is dynamic.
    pub column: Option<Column>,
    pub operator: Operator,
    pub value: Value,
}

/// Operator of a filter: <https://docs.postgrest.org/en/stable/references/api/tables_views.html#operators>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    Eq,
    Neq,
    Gt,
    Gte,
    Lt,
    Lte,
    Like,
    ILike,
    /// `~`
    Match,
    /// `~*`
    IMatch,
    In,
    Is,
    IsDistinct,
    /// `@>`
    Contains,
    /// `<@`
    ContainedBy,
    /// `&&`
    Overlaps,
    /// `<<`
    RangeLt,
    /// `>>`
    RangeGt,
    /// `&>`
    RangeGte,
    /// `&<`
    RangeLte,
    /// `-|-`
    RangeAdjacent,
    /// `@@` with `to_tsquery`.
    TextSearch,
    /// `@@` with `plainto_tsquery`.
    PlainTextSearch,
    /// `@@` with `phraseto_tsquery`.
    PhraseTextSearch,
    /// `@@` with `websearch_to_tsquery`.
    WebTextSearch,
    /// The operator is dynamic, or PostgREST has no such operator.
    Unknown,
}

/// A value in a filter, payload or argument.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    pub kind: ValueKind,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ValueKind {
    Null,
    /// JavaScript's `undefined`. supabase-js leaves out such a key of a payload.
    Undefined,
    Bool(bool),
    /// Text of a number.
    Number(SmolStr),
    Text(SmolStr),
    /// A text of which only the beginning is known, such as `%${term}`.
    TextStart(SmolStr),
    List(Vec<Value>),
    /// An object or JSON text, with the keys that are known.
    Object(Payload),
    /// An expression whose value is unknown.
    Dynamic(Origin),
}

/// Origin of a value that is known only at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Unknown,
    /// Result of an earlier query, and the column of it if that is known.
    Result {
        query: QueryIndex,
        column: Option<SmolStr>,
    },
    /// Variable of the loop, or of the callback of `map` or `forEach`, that contains the query.
    LoopVariable,
    /// Id of the user, from `auth.getUser()`, `getSession()` or `getClaims()`.
    SignedInUser,
    /// Body, query string, header or path parameter of a request.
    Request,
    /// Parameter of the enclosing function.
    Parameter,
}

/// A sort key.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// `None` if the name is dynamic.
    pub column: Option<Column>,
    /// `None` if the direction is dynamic.
    pub ascending: Option<bool>,
    /// `None` means PostgreSQL's default for the direction.
    pub nulls_first: Option<bool>,
    /// Embedded resource whose rows are sorted (`referencedTable`).
    pub referenced_table: Option<Named>,
    pub certain: bool,
    pub span: Span,
}

/// A limit or offset.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// `None` if the number is dynamic.
    pub value: Option<u64>,
    pub certain: bool,
    pub span: Span,
}

/// Number of rows that a query expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowCount {
    Any,
    /// `single()`: another number of rows is an error (PGRST116).
    One(Span),
    /// `maybeSingle()`: more than one row is an error.
    AtMostOne(Span),
}

/// The `count` option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    Exact(Span),
    Planned(Span),
    Estimated(Span),
    Unknown(Span),
}

/// Keys and values of an object, or of the rows of an insert.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    pub entries: Vec<Entry>,
    /// Whether all keys are known: no spread, no computed key, and no variable whose value is unknown.
    pub complete: bool,
    pub rows: PayloadRows,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadRows {
    One,
    Many,
    Unknown,
}

/// A key of a payload.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: Named,
    pub value: Value,
    /// Whether each row has the key.
    pub certain: bool,
}

/// Place of a query in the code around it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    /// Span of the innermost function that contains the query, or `None` at the top of the module. Two queries of one function have equal
    /// spans. Callbacks that run at once (`map`, `forEach`, `Promise.all(… .map(…))`) belong to the function around them.
    pub function: Option<Span>,
    /// Name of the function.
    pub function_name: Option<SmolStr>,
    /// Block of statements that contains the query. Queries with equal blocks run one after another if none returns.
    pub block: Option<Span>,
    /// Statement that contains the query.
    pub statement: Span,
    /// Statement before it in the block.
    pub previous: Option<Span>,
    /// Whether the statement only waits for the query and names its result, so that it always runs the query.
    pub is_direct: bool,
    pub waits: Waits,
    pub in_loop: Option<Loop>,
    /// Earlier queries of the same function whose results the arguments or the target use.
    pub uses: Vec<QueryIndex>,
    /// Conditions on earlier queries' results that decide whether the query runs. Of several of one kind, the innermost.
    pub guards: Vec<Guard>,
    /// Entries of the payload that are built from a column of an earlier result.
    pub rebuilt: Vec<Rebuilt>,
}

/// How the code waits for the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Waits {
    /// `await` on the query alone.
    Await,
    /// The query is a member of `Promise.all` or `Promise.allSettled`, which has this span.
    Together(Span),
    /// The query is returned, or has `then`.
    Returned,
    #[default]
    Unknown,
}

/// A loop that runs a query several times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loop {
    /// Span of the loop: the statement, or the call of `map` or `forEach`.
    pub span: Span,
    /// Whether a filter, payload or argument uses the loop variable.
    pub uses_variable: bool,
    /// Whether all iterations run at the same time (`Promise.all(rows.map(…))`).
    pub concurrent: bool,
    /// Whether the loop repeats one query until it succeeds or has read all pages: `while`, `for (;;)`, or a counter that only `range` uses.
    pub is_retry: bool,
}

/// A condition on an earlier query's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    pub query: QueryIndex,
    pub when: GuardKind,
    /// Span of the condition.
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuardKind {
    /// The query runs only if the earlier one found nothing: `if (!existing)`, or after `if (existing) return`.
    Missing,
    /// The query runs only if the earlier one found rows.
    Found,
    Other,
}

/// An entry of a payload that contains a column of an earlier result, such as `metadata: { ...row.metadata, seen: true }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    pub key: Named,
    pub query: QueryIndex,
    /// Column of the earlier result.
    pub column: SmolStr,
    pub how: RebuiltKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RebuiltKind {
    /// Spread or `Object.assign`: other keys are written back as they were read.
    Merged,
    /// Arithmetic, such as `count: row.count + 1`.
    Computed,
    /// A list with more or fewer elements.
    List,
}

/// SQL in the code.
#[derive(Clone, Debug, PartialEq)]
pub struct SqlText {
    /// Span of the whole template or string.
    pub span: Span,
    pub library: SqlLibrary,
    /// SQL in which each value is a parameter `$1`, `$2` …
    pub text: String,
    /// Maps [`SqlText::text`] to the file.
    pub pieces: Vec<SqlPiece>,
    /// Whether all of the SQL is known. If not, the unknown parts are missing in the text.
    pub complete: bool,
    /// Whether the text is a part of a statement that the code composes.
    pub is_fragment: bool,
    pub in_test: bool,
}

impl SqlText {
    /// Returns the SQL with a text in place of each parameter.
    pub fn text_with_values(&self, value: &str) -> String {
        let ends = self.pieces.iter().skip(1).map(|piece| piece.at as usize).chain([self.text.len()]);
        let part = |(piece, end): (&SqlPiece, usize)| match piece.kind {
            SqlPieceKind::Value => value,
            SqlPieceKind::Text | SqlPieceKind::Unknown => self.text.get(piece.at as usize..end).unwrap_or_default(),
        };
        self.pieces.iter().zip(ends).map(part).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqlLibrary {
    /// A tagged template `sql`, of postgres.js, Neon, Vercel, Drizzle, Kysely or Slonik.
    Tagged,
    /// `unsafe` of postgres.js.
    Postgres,
    /// `query` of pg.
    Pg,
    /// `$queryRaw` and `$executeRaw` of Prisma.
    Prisma,
}

/// A part of an [`SqlText`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqlPiece {
    /// Offset in [`SqlText::text`].
    pub at: u32,
    pub kind: SqlPieceKind,
    /// Span in the file. Of text, it has the length of the piece, unless the text contains escapes.
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqlPieceKind {
    Text,
    /// A parameter.
    Value,
    /// SQL that is unknown, such as an identifier or a fragment.
    Unknown,
}

/// A service role key in code that a browser receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// Name of the variable, or the first characters of the key.
    pub name: Named,
    pub exposure: Exposure,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// The name has a prefix for which bundlers copy the value to the browser, such as `NEXT_PUBLIC_`, `VITE_` or `EXPO_PUBLIC_`.
    PublicVariable,
    /// The file is part of a browser bundle and reads the variable.
    ClientFile,
    /// The key itself stands in the code.
    Literal,
}

/// A comment such as `// supalint: allow(rule, …) because …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowComment {
    pub span: Span,
    pub rules: Vec<Named>,
    pub because: String,
    pub scope: AllowScope,
}

/// Range in which problems are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowScope {
    File,
    /// The line of the comment, or the statement or property after it.
    Span(Span),
}

/// An allow comment that does not follow the grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidAllow {
    pub span: Span,
    pub fault: AllowFault,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowFault {
    /// The keyword is neither `allow` nor `allow-file`.
    UnknownKeyword(String),
    /// There are no rules in parentheses.
    NoRules,
    /// There is no `because`, or no text after it.
    NoReason,
    /// `allow-file` is not at the beginning of the file.
    NotAtStart,
    /// No code follows the comment.
    NoStatement,
}

/// An imported name. `default` is the default export, and `*` the whole module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub module: SmolStr,
    pub name: SmolStr,
}

/// An exported value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Export {
    Text(SmolStr),
    Object(Vec<(SmolStr, Export)>),
    /// A client, or a function that returns one.
    Client {
        kind: ClientKind,
        schema: Schema,
    },
    /// The value of an import.
    Forward(Import),
}

/// A part of a query that depends on an import.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pending {
    pub query: usize,
    pub part: Part,
    /// Span of the expression in the query.
    pub span: Span,
    pub import: Import,
    /// Members of the imported value.
    pub path: Vec<SmolStr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Target,
    Schema,
    Select,
    Client,
}

/// What links a file to others.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Module {
    /// Whether the file was parsed.
    pub is_read: bool,
    pub exports: Vec<(SmolStr, Export)>,
    /// Modules of `export * from`.
    pub stars: Vec<SmolStr>,
    pub pending: Vec<Pending>,
}
