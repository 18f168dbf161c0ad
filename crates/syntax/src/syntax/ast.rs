//! Statements as our reader gives them: one enum around what `sqlparser` reads (queries, data, expressions, lowered to
//! [`super::expression`]) and what it does not read or reads without places (nearly all definitions).
//!
//! Promise: every name and clause that a message may point at has a span.

use super::code::Reading;
use super::expression::{Data, Expr, Ident, ObjectName, SortKey};
use super::lexer::Quoting;
use super::types::TypeName;
use crate::source::{Site, Span};
use smol_str::SmolStr;
use std::sync::Arc;

/// A statement of a migration.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    pub span: Span,
    pub form: Form,
    /// What earlier versions of PostgreSQL say of it.
    pub newer: Option<Box<Newer>>,
}

/// The version that the newest syntax in a statement asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Newer {
    pub version: u32,
    /// What the statement is before that version.
    pub refused: Opaque,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    Read(Box<Ast>),
    Opaque(Opaque),
}

impl Statement {
    /// As a version of PostgreSQL reads it.
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

    /// What it was read as, which for functions may hang on whether their bodies are checked.
    pub fn ast(&self, bodies_unchecked: bool) -> Option<&Ast> {
        match &self.form {
            Form::Read(ast) => Some(ast),
            Form::Opaque(opaque) => opaque.unchecked.as_deref().filter(|_| bodies_unchecked),
        }
    }

    /// The same to keep, or why there is none.
    pub fn into_ast(self, bodies_unchecked: bool) -> std::result::Result<Box<Ast>, Box<Opaque>> {
        match self.form {
            Form::Read(ast) => Ok(ast),
            Form::Opaque(Opaque { unchecked: Some(ast), .. }) if bodies_unchecked => Ok(ast),
            Form::Opaque(opaque) => Err(Box::new(opaque)),
        }
    }
}

/// A statement nobody could read.
#[derive(Clone, Debug, PartialEq)]
pub struct Opaque {
    /// The first words: `CREATE TABLE`.
    pub head: SmolStr,
    /// Where reading stopped.
    pub at: Span,
    pub reason: String,
    /// PostgreSQL refuses it for certain, so that nothing was made by it.
    pub certain: bool,
    /// What helps, where the slip is a common one.
    pub hint: Option<String>,
    /// The function that it makes all the same under `check_function_bodies = off`, as only its body can't be read.
    pub unchecked: Option<Box<Ast>>,
}

/// A statement that nobody could read, and where it stands.
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
    /// Its type is given where no final function may change it.
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
        /// `ALTER DATABASE`
        database: bool,
        /// The parameter that SET gives a default.
        setting: Option<SmolStr>,
        /// `SUPERUSER` or `NOSUPERUSER` is among the options.
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
        /// From or to a file of the server's, or a program there.
        server_file: bool,
    },
    Refresh {
        view: ObjectName,
        concurrently: bool,
    },
    /// `VACUUM`, `ALTER SYSTEM`, `REINDEX … CONCURRENTLY`, …: refuses a transaction block.
    OutsideTransaction {
        head: SmolStr,
        tables: Vec<ObjectName>,
    },
    /// Makes an object that the schema model does not hold (a cast, an operator, a server, …).
    CreateOther {
        kind: ObjectKind,
        name: Option<ObjectName>,
    },
    /// Read, and without an effect on the schema.
    Other {
        head: SmolStr,
        /// Those it asks for, as far as they were looked at.
        tables: Vec<ObjectName>,
    },
    /// A command for psql.
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

/// An object as a statement names it.
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

#[derive(Clone, Debug, PartialEq)]
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
    /// None for a column option of a partition or typed table.
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
    /// Columns are empty where the constraint stands behind its column.
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
    /// `WITH NO DATA`
    pub no_data: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterTable {
    pub name: ObjectName,
    pub if_exists: bool,
    pub only: bool,
    /// Table, view, materialized view, index, sequence or foreign table: what the statement says it is.
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
    /// Storage options of a view: `security_invoker`, `security_barrier`; and of anything else.
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
    /// Statistics targets, storage, replica identity, clustering, tablespaces: nothing the model holds.
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
    /// As pg_policies prints it.
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
    /// Empty where no TO was written: PUBLIC.
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
    /// The literal with its quotes.
    pub literal: Span,
    /// The code between the quotes.
    pub inner: Span,
    /// The code where it differs from the text of `inner`: a body in single quotes with doubled quotes or escapes.
    pub unescaped: Option<String>,
    /// How its literals are read.
    pub quoting: Quoting,
    /// What it says.
    pub reading: Arc<Reading>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Code(Code),
    /// `BEGIN ATOMIC … END` or `RETURN expression`: bound when it is made.
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
    /// `SET name = value`, in PostgreSQL's own spelling of the value; none for RESET. `*` is RESET ALL.
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
    /// Statements that stand in the CREATE SCHEMA itself.
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
    /// False for REVOKE.
    pub grant: bool,
    /// Empty for ALL; a privilege may be limited to columns.
    pub privileges: Vec<(SmolStr, Vec<Ident>)>,
    pub target: GrantTarget,
    pub roles: Vec<Ident>,
    /// `WITH GRANT OPTION`, `GRANT OPTION FOR`.
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

/// What an index or exclusion constraint is sorted by, for the places that take a sort key.
impl From<IndexElement> for SortKey {
    fn from(element: IndexElement) -> SortKey {
        SortKey { expr: element.expr, descending: element.descending, nulls_first: element.nulls_first }
    }
}
