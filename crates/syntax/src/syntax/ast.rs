//! Syntax trees of statements. Queries, data statements and expressions are parsed by `sqlparser` and converted to
//! [`super::expression`]. Nearly all definitions are parsed by this crate.
//!
//! Promises: every name and clause to which a message can point has a span.

use super::code::ParsedCode;
use super::expression::{Data, Expr, Ident, ObjectName, SortKey};
use super::lexer::BackslashMode;
use super::types::TypeName;
use crate::source::{Site, Span};
use smol_str::SmolStr;
use std::sync::Arc;

/// A statement of a migration.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    pub span: Span,
    pub form: Form,
    /// Result of parsing with earlier versions of PostgreSQL, if it differs.
    pub newer: Option<Box<Newer>>,
}

/// The version of PostgreSQL that the newest syntax in a statement requires.
#[derive(Clone, Debug, PartialEq)]
pub struct Newer {
    pub version: u32,
    /// The statement in earlier versions, which cannot parse it.
    pub refused: Opaque,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    Read(Box<Ast>),
    Opaque(Opaque),
}

impl Statement {
    /// Returns the statement as a version of PostgreSQL parses it.
    pub fn read_by(self, version: u32) -> Statement {
        match self.newer {
            Some(newer) if newer.version > version => {
                let mut refused = newer.refused;
                refused.certain = true;
                refused.hint = Some(format!(
                    "write it in another way, or set `major_version`: PostgreSQL {} and later read it, and this project's is {version}",
                    newer.version
                ));
                Statement { form: Form::Opaque(refused), newer: None, ..self }
            }
            newer => Statement { newer, ..self },
        }
    }

    /// Returns the syntax tree. For functions, it can depend on whether bodies are checked.
    pub fn ast(&self, bodies_unchecked: bool) -> Option<&Ast> {
        match &self.form {
            Form::Read(ast) => Some(ast),
            Form::Opaque(opaque) => opaque.unchecked.as_deref().filter(|_| bodies_unchecked),
        }
    }

    /// Returns the owned syntax tree, or the reason why there is none.
    pub fn into_ast(self, bodies_unchecked: bool) -> std::result::Result<Box<Ast>, Box<Opaque>> {
        match self.form {
            Form::Read(ast) => Ok(ast),
            Form::Opaque(Opaque { unchecked: Some(ast), .. }) if bodies_unchecked => Ok(ast),
            Form::Opaque(opaque) => Err(Box::new(opaque)),
        }
    }
}

/// A statement that could not be parsed.
#[derive(Clone, Debug, PartialEq)]
pub struct Opaque {
    /// First words of the statement: `CREATE TABLE`.
    pub head: SmolStr,
    /// Location at which parsing stopped.
    pub at: Span,
    pub reason: String,
    /// Whether PostgreSQL certainly rejects the statement, so that it creates nothing.
    pub certain: bool,
    /// Help for a common mistake.
    pub hint: Option<String>,
    /// The function that is created with `check_function_bodies = off`, if only its body cannot be parsed.
    pub unchecked: Option<Box<Ast>>,
}

/// A statement that could not be parsed, with its location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    pub site: Site,
    pub head: String,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Ast {
    Data(Data),
    CreateTable(CreateTable),
    CreateTableAs(CreateTableAs),
    AlterTable(AlterTable),
    CreateIndex(CreateIndex),
    CreateView(CreateView),
    CreatePolicy(CreatePolicy),
    AlterPolicy(AlterPolicy),
    CreateFunction(CreateFunction),
    /// An aggregate. It has a result type unless its final function determines the type.
    CreateAggregate(CreateFunction),
    AlterFunction(AlterFunction),
    CreateTrigger(CreateTrigger),
    CreateEventTrigger(CreateEventTrigger),
    CreateType(CreateType),
    AlterEnum(AlterEnum),
    AlterComposite(AlterComposite),
    CreateDomain(CreateDomain),
    AlterDomain(AlterDomain),
    CreateSequence(CreateSequence),
    AlterSequence(AlterSequence),
    CreateSchema(CreateSchema),
    CreateExtension(CreateExtension),
    CreatePublication(CreatePublication),
    AlterPublication(AlterPublication),
    CreateRole(CreateRole),
    /// `ALTER ROLE … SET`, `ALTER DATABASE … SET`: a default for later sessions.
    AlterRole {
        name: Ident,
        /// Whether the statement is ALTER DATABASE.
        database: bool,
        /// Parameter whose default is set.
        setting: Option<SmolStr>,
        /// Whether `SUPERUSER` or `NOSUPERUSER` is an option.
        superuser: bool,
    },
    Drop(Drop),
    DropOwned {
        roles: Vec<Ident>,
    },
    Rename(Rename),
    SetSchema {
        object: ObjectRef,
        schema: Ident,
    },
    Owner {
        object: ObjectRef,
        role: Ident,
    },
    Grant(Grant),
    GrantRole {
        grant: bool,
        roles: Vec<Ident>,
        to: Vec<Ident>,
    },
    DefaultPrivileges(DefaultPrivileges),
    Comment {
        object: ObjectRef,
        text: Option<String>,
    },
    Set(Set),
    Transaction(Transaction),
    Do(Code),
    Call(Expr),
    Truncate {
        tables: Vec<ObjectName>,
        cascade: bool,
    },
    Copy {
        table: Option<ObjectName>,
        columns: Vec<Ident>,
        from: bool,
        /// Whether the source or target is a file or program on the server.
        server_file: bool,
    },
    Refresh {
        view: ObjectName,
        concurrently: bool,
    },
    /// A statement that cannot run in a transaction block: `VACUUM`, `ALTER SYSTEM`, `REINDEX … CONCURRENTLY`, …
    OutsideTransaction {
        head: SmolStr,
        tables: Vec<ObjectName>,
    },
    /// Creates an object that the catalog does not contain (a cast, an operator, a server, …).
    CreateOther {
        kind: ObjectKind,
        name: Option<ObjectName>,
    },
    /// A parsed statement without an effect on the schema.
    Other {
        head: SmolStr,
        /// Tables in the statement, as far as they were parsed.
        tables: Vec<ObjectName>,
    },
    /// A command of psql.
    Meta {
        command: SmolStr,
    },
}

/// Kinds of object that statements name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    Table,
    ForeignTable,
    View,
    MaterializedView,
    Index,
    Sequence,
    Column,
    Constraint,
    Policy,
    Trigger,
    Rule,
    Function,
    Procedure,
    Routine,
    Aggregate,
    Type,
    Domain,
    Schema,
    Extension,
    Role,
    Publication,
    Subscription,
    EventTrigger,
    Database,
    Language,
    Collation,
    Conversion,
    Cast,
    Operator,
    OperatorClass,
    OperatorFamily,
    Server,
    ForeignDataWrapper,
    UserMapping,
    AccessMethod,
    TextSearch,
    Statistics,
    Transform,
    Tablespace,
    LargeObject,
    DomainConstraint,
}

/// A reference to an object in a statement.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectRef {
    pub kind: ObjectKind,
    pub name: ObjectName,
    /// Argument types, for functions named with them.
    pub args: Option<Vec<TypeName>>,
    /// The table of a policy, trigger, rule or constraint.
    pub on: Option<ObjectName>,
    pub span: Span,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateTable {
    pub name: ObjectName,
    pub if_not_exists: bool,
    pub temporary: bool,
    pub foreign: bool,
    pub elements: Vec<TableElement>,
    pub inherits: Vec<ObjectName>,
    pub partition_of: Option<ObjectName>,
    /// Values that the partition takes.
    pub bound: Option<PartitionBound>,
    pub partition_by: Option<PartitionBy>,
    /// `OF type`
    pub of_type: Option<ObjectName>,
    /// Storage parameters, `WITH (autovacuum_enabled = false)`.
    pub options: Vec<(SmolStr, SmolStr)>,
}

/// `PARTITION BY strategy (key, …)`. A column is a [`ExprKind::Column`](super::expression::ExprKind::Column).
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionBy {
    pub strategy: SmolStr,
    pub keys: Vec<Expr>,
}

/// The values that a partition takes. MINVALUE and MAXVALUE are columns of these names.
#[derive(Clone, Debug, PartialEq)]
pub enum PartitionBound {
    Default,
    List(Vec<Expr>),
    Range {
        from: Vec<Expr>,
        to: Vec<Expr>,
    },
    /// Modulus and remainder.
    Hash(i64, i64),
}

#[derive(Clone, Debug, PartialEq)]
pub enum TableElement {
    Column(ColumnDef),
    Constraint(ConstraintDef),
    Like { span: Span, table: ObjectName, including: Vec<SmolStr>, excluding: Vec<SmolStr> },
}

#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDef {
    pub span: Span,
    pub name: Ident,
    /// Type, or `None` in column options of a partition or typed table.
    pub ty: Option<TypeName>,
    pub not_null: Option<Span>,
    pub null: Option<Span>,
    pub default: Option<Expr>,
    pub generated: Option<Expr>,
    pub identity: Option<Identity>,
    pub collation: Option<ObjectName>,
    pub constraints: Vec<ConstraintDef>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    Always,
    ByDefault,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ConstraintDef {
    pub span: Span,
    pub name: Option<Ident>,
    pub kind: ConstraintKind,
    pub not_valid: bool,
    pub deferrable: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ConstraintKind {
    /// The list of columns is empty for a constraint of a column.
    PrimaryKey {
        columns: Vec<Ident>,
        include: Vec<Ident>,
        using_index: Option<Ident>,
    },
    Unique {
        columns: Vec<Ident>,
        include: Vec<Ident>,
        nulls_not_distinct: bool,
        using_index: Option<Ident>,
    },
    Check {
        expr: Expr,
        no_inherit: bool,
    },
    ForeignKey {
        columns: Vec<Ident>,
        table: ObjectName,
        referenced: Vec<Ident>,
        on_delete: ReferentialAction,
        on_update: ReferentialAction,
    },
    Exclude {
        method: SmolStr,
        elements: Vec<(IndexElement, SmolStr)>,
        include: Vec<Ident>,
        predicate: Option<Expr>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ReferentialAction {
    #[default]
    NoAction,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateTableAs {
    pub name: ObjectName,
    pub if_not_exists: bool,
    pub temporary: bool,
    pub columns: Vec<Ident>,
    pub query: Option<Data>,
    pub materialized: bool,
    /// Whether the statement contains `WITH NO DATA`.
    pub no_data: bool,
    /// Storage parameters.
    pub options: Vec<(SmolStr, SmolStr)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterTable {
    pub name: ObjectName,
    pub if_exists: bool,
    pub only: bool,
    /// Kind in the statement: table, view, materialized view, index, sequence or foreign table.
    pub kind: ObjectKind,
    pub actions: Vec<(Span, AlterAction)>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum AlterAction {
    AddColumn {
        column: ColumnDef,
        if_not_exists: bool,
    },
    DropColumn {
        column: Ident,
        if_exists: bool,
        cascade: bool,
    },
    SetType {
        column: Ident,
        ty: TypeName,
        using: Option<Expr>,
    },
    SetDefault {
        column: Ident,
        default: Expr,
    },
    DropDefault {
        column: Ident,
    },
    SetNotNull {
        column: Ident,
    },
    DropNotNull {
        column: Ident,
    },
    AddIdentity {
        column: Ident,
        identity: Identity,
    },
    SetGenerated {
        column: Ident,
    },
    DropIdentity {
        column: Ident,
        if_exists: bool,
    },
    DropExpression {
        column: Ident,
        if_exists: bool,
    },
    AddConstraint(ConstraintDef),
    AlterConstraint {
        name: Ident,
    },
    ValidateConstraint {
        name: Ident,
    },
    DropConstraint {
        name: Ident,
        if_exists: bool,
        cascade: bool,
    },
    EnableRls,
    DisableRls,
    ForceRls,
    NoForceRls,
    EnableTrigger {
        name: Option<Ident>,
        enable: bool,
    },
    /// Storage options of a view (`security_invoker`, `security_barrier`) or another object.
    SetOptions {
        options: Vec<(SmolStr, SmolStr)>,
    },
    ResetOptions {
        options: Vec<SmolStr>,
    },
    Inherit {
        parent: ObjectName,
        inherit: bool,
    },
    AttachPartition {
        table: ObjectName,
        /// `None` for an index.
        bound: Option<PartitionBound>,
    },
    DetachPartition {
        table: ObjectName,
        concurrently: bool,
    },
    Owner {
        role: Ident,
    },
    /// An action that does not change the catalog: statistics targets, storage, replica identity, clustering, tablespaces.
    Other {
        columns: Vec<Ident>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct IndexElement {
    pub expr: Expr,
    pub opclass: Option<ObjectName>,
    pub descending: bool,
    pub nulls_first: Option<bool>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateIndex {
    pub name: Option<ObjectName>,
    pub table: ObjectName,
    pub unique: bool,
    pub concurrently: Option<Span>,
    pub if_not_exists: bool,
    pub only: bool,
    pub method: SmolStr,
    pub elements: Vec<IndexElement>,
    pub include: Vec<Ident>,
    pub nulls_not_distinct: bool,
    pub predicate: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateView {
    pub name: ObjectName,
    pub or_replace: bool,
    pub temporary: bool,
    pub recursive: bool,
    pub columns: Vec<Ident>,
    pub options: Vec<(SmolStr, SmolStr)>,
    pub query: Data,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Command {
    All,
    Select,
    Insert,
    Update,
    Delete,
}

impl Command {
    /// Returns the command as pg_policies prints it.
    pub fn word(self) -> &'static str {
        match self {
            Command::All => "ALL",
            Command::Select => "SELECT",
            Command::Insert => "INSERT",
            Command::Update => "UPDATE",
            Command::Delete => "DELETE",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreatePolicy {
    pub name: Ident,
    pub table: ObjectName,
    pub permissive: bool,
    pub command: Command,
    /// Roles. Empty without TO, which means PUBLIC.
    pub roles: Vec<Ident>,
    pub using: Option<Expr>,
    pub check: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterPolicy {
    pub name: Ident,
    pub table: ObjectName,
    pub if_exists: bool,
    pub rename: Option<Ident>,
    pub roles: Option<Vec<Ident>>,
    pub using: Option<Expr>,
    pub check: Option<Expr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgMode {
    In,
    Out,
    InOut,
    Variadic,
    Table,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FunctionArg {
    pub mode: ArgMode,
    pub name: Option<Ident>,
    pub ty: TypeName,
    pub default: Option<Expr>,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Volatility {
    Immutable,
    Stable,
    Volatile,
}

/// Quoted code of a function or DO block.
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    pub language: SmolStr,
    /// Span of the literal with its quotes.
    pub literal: Span,
    /// Span of the code between the quotes.
    pub inner: Span,
    /// The code, if it differs from the text of `inner` because of doubled quotes or escapes.
    pub unescaped: Option<String>,
    /// How plain string literals in the code are read.
    pub backslash_mode: BackslashMode,
    /// Parsed code.
    pub parsed: Arc<ParsedCode>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Code(Code),
    /// `BEGIN ATOMIC … END` or `RETURN expression`. Names are bound when the function is created.
    Sql {
        span: Span,
        statements: Vec<Data>,
        result: Option<Expr>,
    },
    None,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateFunction {
    pub name: ObjectName,
    pub or_replace: bool,
    pub procedure: bool,
    pub args: Vec<FunctionArg>,
    pub returns: Option<TypeName>,
    pub language: SmolStr,
    pub options: FunctionOptions,
    pub body: Body,
}

/// Options that CREATE and ALTER FUNCTION share.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct FunctionOptions {
    pub volatility: Option<Volatility>,
    pub security_definer: Option<(bool, Span)>,
    pub leakproof: Option<bool>,
    pub strict: Option<bool>,
    /// `SET name = value`, with the value in the form of PostgreSQL, or `None` for RESET. `*` means RESET ALL.
    pub settings: Vec<(SmolStr, Option<SettingValue>, Span)>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SettingValue {
    List(Vec<SmolStr>),
    Default,
    FromCurrent,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterFunction {
    pub object: ObjectRef,
    pub options: FunctionOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerTime {
    Before,
    After,
    InsteadOf,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateTrigger {
    pub name: Ident,
    pub or_replace: bool,
    pub table: ObjectName,
    pub time: TriggerTime,
    pub events: Vec<SmolStr>,
    pub update_columns: Vec<Ident>,
    pub for_each_row: bool,
    pub when: Option<Expr>,
    pub function: ObjectName,
    pub constraint: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateEventTrigger {
    pub name: Ident,
    pub event: SmolStr,
    pub tags: Vec<String>,
    pub function: ObjectName,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateType {
    pub name: ObjectName,
    pub kind: TypeKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TypeKind {
    Enum(Vec<(String, Span)>),
    Composite(Vec<(Ident, TypeName)>),
    Range,
    Base,
    Shell,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterEnum {
    pub name: ObjectName,
    pub change: EnumChange,
}

#[derive(Clone, Debug, PartialEq)]
pub enum EnumChange {
    Add { value: String, if_not_exists: bool, before: Option<String>, after: Option<String> },
    Rename { from: String, to: String },
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterComposite {
    pub name: ObjectName,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateDomain {
    pub name: ObjectName,
    pub ty: TypeName,
    pub not_null: bool,
    pub default: Option<Expr>,
    pub checks: Vec<(Option<Ident>, Expr)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterDomain {
    pub name: ObjectName,
    pub change: DomainChange,
}

#[derive(Clone, Debug, PartialEq)]
pub enum DomainChange {
    AddCheck { name: Option<Ident>, expr: Expr },
    DropConstraint { name: Ident, if_exists: bool },
    NotNull(bool),
    Other,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateSequence {
    pub name: ObjectName,
    pub if_not_exists: bool,
    pub temporary: bool,
    pub owned_by: Option<ObjectName>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterSequence {
    pub name: ObjectName,
    pub if_exists: bool,
    pub owned_by: Option<ObjectName>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateSchema {
    pub name: Ident,
    pub if_not_exists: bool,
    pub owner: Option<Ident>,
    /// Statements inside CREATE SCHEMA.
    pub elements: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateExtension {
    pub name: Ident,
    pub if_not_exists: bool,
    pub schema: Option<Ident>,
    pub cascade: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreatePublication {
    pub name: Ident,
    pub all_tables: bool,
    pub schemas: Vec<Ident>,
    pub tables: Vec<ObjectName>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterPublication {
    pub name: Ident,
    pub change: PublicationChange,
}

#[derive(Clone, Debug, PartialEq)]
pub enum PublicationChange {
    Add { tables: Vec<ObjectName>, schemas: Vec<Ident> },
    Set { tables: Vec<ObjectName>, schemas: Vec<Ident> },
    Drop { tables: Vec<ObjectName>, schemas: Vec<Ident> },
    Options,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateRole {
    pub name: Ident,
    pub bypass_rls: bool,
    pub superuser: bool,
    pub in_roles: Vec<Ident>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Drop {
    pub kind: ObjectKind,
    pub if_exists: bool,
    pub objects: Vec<ObjectRef>,
    pub cascade: bool,
    pub concurrently: bool,
}

/// `ALTER … RENAME … TO`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rename {
    /// For columns and constraints, `on` is the table and `name` the old name.
    pub object: ObjectRef,
    pub if_exists: bool,
    pub to: Ident,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// Whether the statement is GRANT and not REVOKE.
    pub grant: bool,
    /// Empty for ALL; a privilege may be limited to columns.
    pub privileges: Vec<(SmolStr, Vec<Ident>)>,
    pub target: GrantTarget,
    pub roles: Vec<Ident>,
    /// Whether the statement contains `WITH GRANT OPTION` or `GRANT OPTION FOR`.
    pub grant_option: bool,
    pub cascade: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum GrantTarget {
    Objects(Vec<ObjectRef>),
    /// `ALL TABLES | SEQUENCES | FUNCTIONS | PROCEDURES | ROUTINES IN SCHEMA …`
    AllInSchema {
        kind: ObjectKind,
        schemas: Vec<Ident>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct DefaultPrivileges {
    /// Empty for the current role.
    pub for_roles: Vec<Ident>,
    /// Empty for every schema.
    pub schemas: Vec<Ident>,
    pub grant: bool,
    pub privileges: Vec<SmolStr>,
    /// Table, sequence, function, type or schema.
    pub on: ObjectKind,
    pub roles: Vec<Ident>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Set {
    Value { name: SmolStr, value: SettingValue, local: bool },
    Role { role: Option<Ident>, local: bool },
    SessionAuthorization { role: Option<Ident> },
    Reset { name: SmolStr },
    ResetAll,
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transaction {
    Begin,
    Commit,
    Rollback,
    Savepoint(SmolStr),
    Release(SmolStr),
    RollbackTo(SmolStr),
    Other,
}

/// Converts an element of an index or exclusion constraint to a sort key.
impl From<IndexElement> for SortKey {
    fn from(element: IndexElement) -> SortKey {
        SortKey { expr: element.expr, descending: element.descending, nulls_first: element.nulls_first }
    }
}
