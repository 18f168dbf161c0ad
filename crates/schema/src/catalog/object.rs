//! Objects of a database. Every fact has the location of the statement that defines it.

use super::acl::Acl;
use super::mention::Names;
use super::name::{QName, quote_ident};
use super::partition::{PartitionBound, PartitionKey};
use crate::source::{FileId, Site, Sources, Span};
use crate::syntax::ast::Body;
pub use crate::syntax::ast::{ArgMode, Command, Identity, ReferentialAction, TriggerTime, Volatility};
use crate::syntax::expression::{Expr, Query};
use smol_str::{SmolStr, format_smolstr};
use std::sync::Arc;

/// Certainty of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Certainty {
    /// The fact depends on a condition that could not be evaluated.
    Maybe,
    #[default]
    Certain,
}

/// A value, and the statement that set it.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact<T> {
    pub value: T,
    pub at: Site,
    pub certainty: Certainty,
}

impl<T> Fact<T> {
    pub fn new(value: T, at: Site) -> Fact<T> {
        Fact { value, at, certainty: Certainty::Certain }
    }
}

/// An expression as it was written, with later renames.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    pub site: Site,
    pub root: Arc<Expr>,
    /// Names that PostgreSQL prints differently now.
    pub renamed: Vec<(Span, SmolStr)>,
    /// Names that the expression may contain.
    pub names: Names,
}

impl Expression {
    pub fn new(file: crate::source::FileId, root: Expr) -> Expression {
        Expression { site: Site::new(file, root.span), names: Names::of_expr(&root), root: Arc::new(root), renamed: Vec::new() }
    }

    /// Returns the expression with other bindings. Its locations do not change.
    pub fn with(&self, root: Expr) -> Expression {
        Expression { site: self.site, names: Names::of_expr(&root), root: Arc::new(root), renamed: self.renamed.clone() }
    }

    /// Returns the location of a part of this expression.
    pub fn at(&self, part: &Expr) -> Site {
        self.site.in_same_file(part.span)
    }

    /// Returns the text of the user with current names.
    pub fn text(&self, sources: &Sources) -> String {
        self.text_with(sources, &[])
    }

    /// Returns the text of the user with current names and further replacements. Spans are those of the source.
    pub fn text_with(&self, sources: &Sources, edits: &[(Span, String)]) -> String {
        // an outer replacement already contains the renames inside it
        let renamed = self.renamed.iter().map(|(span, text)| (*span, text.as_str()));
        sources.edited(self.site, renamed.chain(edits.iter().map(|(span, text)| (*span, text.as_str()))))
    }
}

/// A resolved data type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataType {
    /// Name of the type: `integer`, `timestamp with time zone`, or `schema.name` of a type that is not built in.
    pub base: SmolStr,
    /// Schema and name of a type that is not built in.
    pub user: Option<Box<QName>>,
    pub modifiers: Vec<SmolStr>,
    pub array: bool,
    pub setof: bool,
}

impl DataType {
    pub fn builtin(base: &str) -> DataType {
        DataType { base: base.into(), user: None, modifiers: Vec::new(), array: false, setof: false }
    }

    fn base_text(&self) -> SmolStr {
        match &self.user {
            Some(name) => format_smolstr!("{}.{}", quote_ident(&name.schema), quote_ident(&name.name)),
            None => self.base.clone(),
        }
    }

    /// Returns the type as `format_type` prints it with an empty search_path.
    pub fn canonical(&self) -> SmolStr {
        let base = self.base_text();
        let mut out = match (self.modifiers.is_empty(), base.split_once(' ')) {
            (true, _) => base.to_string(),
            (false, Some((head @ ("timestamp" | "time"), tail))) => format!("{head}({}) {tail}", self.modifiers.join(",")),
            (false, _) => format!("{base}({})", self.modifiers.join(",")),
        };
        if self.array {
            out.push_str("[]");
        }
        out.into()
    }

    /// Returns the type without modifiers, as in the signature of a function.
    pub fn signature(&self) -> SmolStr {
        let base = self.base_text();
        if self.array { format_smolstr!("{base}[]") } else { base }
    }

    pub fn is(&self, base: &str) -> bool {
        !self.array && self.user.is_none() && self.base == base
    }

    pub fn is_json(&self) -> bool {
        self.is("json") || self.is("jsonb")
    }

    pub fn is_timestamp(&self) -> bool {
        self.is("timestamp with time zone") || self.is("timestamp without time zone") || self.is("date")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    Ordinary,
    Partitioned,
    Foreign,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub name: QName,
    pub kind: TableKind,
    pub created: Site,
    /// Location of the name in the statement that created the object.
    pub named: Site,
    pub certainty: Certainty,
    /// Whether no migration creates the table, so that it is known only from statements that use it.
    pub external: bool,
    /// Whether the object belongs to an extension.
    pub of_extension: bool,
    pub columns: Vec<Column>,
    pub constraints: Vec<Constraint>,
    pub indexes: Vec<Index>,
    pub policies: Vec<Policy>,
    pub triggers: Vec<Trigger>,
    pub rls: Fact<bool>,
    pub force_rls: Fact<bool>,
    /// Value of the storage parameter `autovacuum_enabled` as it is written, if it is set.
    pub autovacuum: Fact<Option<SmolStr>>,
    pub inherits: Vec<QName>,
    pub partition_of: Option<QName>,
    /// Values that the table takes as a partition, if they are known.
    pub bound: Option<PartitionBound>,
    /// Key of a partitioned table.
    pub partition_key: Option<PartitionKey>,
    pub owner: SmolStr,
    pub acl: Acl,
}

impl Table {
    /// Returns the locations of the statements that define the table and its parts.
    pub fn places(&self) -> impl Iterator<Item = Site> {
        let columns = self.columns.iter().flat_map(|column| [column.at, column.named, column.not_null.at]);
        let constraints = self.constraints.iter().flat_map(|constraint| [constraint.at, constraint.validated.at]);
        let indexes = self.indexes.iter().flat_map(|index| [index.at, index.named]);
        let policies = self.policies.iter().flat_map(|policy| [policy.at, policy.named]);
        let clauses = self.policies.iter().flat_map(Policy::clauses).map(|(_, clause)| clause.site);
        let triggers = self.triggers.iter().flat_map(|trigger| [trigger.at, trigger.enabled.at]);
        let own = [self.created, self.named, self.rls.at, self.force_rls.at, self.autovacuum.at].into_iter();
        own.chain(columns).chain(constraints).chain(indexes).chain(policies).chain(clauses).chain(triggers).chain(self.acl.places())
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    pub fn constraint(&self, name: &str) -> Option<&Constraint> {
        self.constraints.iter().find(|constraint| constraint.name == name)
    }

    pub fn policy(&self, name: &str) -> Option<&Policy> {
        self.policies.iter().find(|policy| policy.name == name)
    }

    pub fn index(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| index.name == name)
    }

    pub fn primary_key(&self) -> Option<&Constraint> {
        self.constraints.iter().find(|constraint| constraint.kind == ConstraintKind::PrimaryKey)
    }

    pub fn foreign_keys(&self) -> impl Iterator<Item = (&Constraint, &ForeignKey)> {
        self.constraints.iter().filter_map(|constraint| constraint.references.as_ref().map(|key| (constraint, key)))
    }

    /// Returns whether a column exists, or may exist because the table is only partly known.
    pub fn may_have(&self, column: &str) -> bool {
        self.external || self.column(column).is_some()
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub name: SmolStr,
    pub ty: DataType,
    /// Location of the definition.
    pub at: Site,
    pub named: Site,
    pub certainty: Certainty,
    pub not_null: Fact<bool>,
    pub default: Option<Expression>,
    pub generated: Option<Box<Expression>>,
    pub identity: Option<Identity>,
    /// Sequence of a serial or identity column.
    pub sequence: Option<QName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConstraintKind {
    PrimaryKey,
    Unique,
    Check,
    ForeignKey,
    Exclude,
}

impl ConstraintKind {
    /// Returns `contype` of pg_constraint.
    pub fn letter(self) -> &'static str {
        match self {
            ConstraintKind::PrimaryKey => "p",
            ConstraintKind::Unique => "u",
            ConstraintKind::Check => "c",
            ConstraintKind::ForeignKey => "f",
            ConstraintKind::Exclude => "x",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ForeignKey {
    pub table: QName,
    pub columns: Vec<SmolStr>,
    pub on_delete: ReferentialAction,
    pub on_update: ReferentialAction,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    pub name: SmolStr,
    pub kind: ConstraintKind,
    pub columns: Vec<SmolStr>,
    pub at: Site,
    pub certainty: Certainty,
    pub validated: Fact<bool>,
    pub expr: Option<Expression>,
    pub references: Option<ForeignKey>,
    /// Index that enforces the constraint.
    pub index: Option<SmolStr>,
    pub deferrable: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct IndexColumn {
    /// Name of the column, or `None` for an expression.
    pub column: Option<SmolStr>,
    pub expr: Expression,
    pub descending: bool,
    pub nulls_first: bool,
    pub opclass: Option<SmolStr>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    pub name: SmolStr,
    pub at: Site,
    pub named: Site,
    pub certainty: Certainty,
    pub columns: Vec<IndexColumn>,
    pub include: Vec<SmolStr>,
    pub unique: bool,
    pub nulls_not_distinct: bool,
    pub primary: bool,
    pub method: SmolStr,
    pub predicate: Option<Expression>,
    /// Constraint that the index enforces.
    pub constraint: Option<SmolStr>,
    /// Index of the partitioned table to which the index is attached.
    pub part_of: Option<SmolStr>,
    pub comment: Option<SmolStr>,
}

impl Index {
    /// Returns whether an index has the same definition as an index of another table.
    pub fn is_like(&self, other: &Index) -> bool {
        let key = |column: &IndexColumn| (column.column.clone(), column.descending, column.nulls_first, column.opclass.clone());
        self.plain_columns().is_some()
            && self.columns.iter().map(key).eq(other.columns.iter().map(key))
            && (&self.include, self.unique, &self.method) == (&other.include, other.unique, &other.method)
            && self.predicate.is_none()
            && other.predicate.is_none()
    }

    /// Returns the names of the key columns, or `None` if one of them is an expression.
    pub fn plain_columns(&self) -> Option<Vec<&str>> {
        self.columns.iter().map(|column| column.column.as_deref()).collect()
    }

    /// Returns whether at most one row has given values of these columns.
    pub fn identifies(&self, columns: &[SmolStr]) -> bool {
        let own = self.plain_columns().unwrap_or_default();
        let is_given = |name: &&str| columns.iter().any(|column| column == name);
        self.unique && self.predicate.is_none() && !own.is_empty() && own.iter().all(is_given)
    }

    /// Returns whether the index begins with these columns in any order. It has to be a complete btree index.
    pub fn leads_with(&self, columns: &[SmolStr]) -> bool {
        self.columns.len() >= columns.len()
            && self.columns[..columns.len()].iter().all(|column| column.column.as_ref().is_some_and(|name| columns.contains(name)))
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub name: SmolStr,
    /// Statement that last defined the object.
    pub at: Site,
    pub named: Site,
    pub certainty: Certainty,
    pub permissive: bool,
    pub command: Command,
    /// Roles of the policy. `public` stands for all roles.
    pub roles: Vec<SmolStr>,
    pub using: Option<Expression>,
    pub check: Option<Expression>,
}

impl Policy {
    pub fn applies_to(&self, command: Command) -> bool {
        self.command == Command::All || self.command == command
    }

    /// Returns whether the policy applies to a role.
    pub fn applies_to_role(&self, role: &str) -> bool {
        self.roles.iter().any(|name| name == role || name == "public")
    }

    /// Returns the expressions of the policy that PostgreSQL evaluates for a command.
    pub fn asked(&self, command: Command) -> impl Iterator<Item = &Expression> {
        let (using, check) = (self.using.as_ref(), self.check.as_ref());
        let (first, second) = match command {
            Command::Select | Command::Delete => (using, None),
            Command::Insert => (check.or(using), None),
            Command::Update | Command::All => (using, check),
        };
        first.into_iter().chain(second)
    }

    /// Returns the written clauses, USING and WITH CHECK.
    pub fn clauses(&self) -> impl Iterator<Item = (&'static str, &Expression)> {
        self.using.iter().map(|expr| ("USING", expr)).chain(self.check.iter().map(|expr| ("WITH CHECK", expr)))
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    pub name: SmolStr,
    pub at: Site,
    pub certainty: Certainty,
    pub time: TriggerTime,
    pub events: Vec<SmolStr>,
    pub for_each_row: bool,
    pub function: QName,
    pub when: Option<Expression>,
    pub enabled: Fact<bool>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub name: QName,
    pub materialized: bool,
    pub at: Site,
    pub named: Site,
    pub certainty: Certainty,
    pub columns: Vec<ViewColumn>,
    /// Whether all names of columns are known.
    pub columns_known: bool,
    pub query: Option<Arc<Query>>,
    /// Names that the query may contain.
    pub names: Names,
    pub query_site: Site,
    pub security_invoker: Fact<bool>,
    /// Relations that the query reads, bound when the view was created.
    pub reads: Vec<QName>,
    pub indexes: Vec<Index>,
    pub triggers: Vec<Trigger>,
    pub owner: SmolStr,
    pub acl: Acl,
    pub of_extension: bool,
}

impl View {
    /// Returns the locations of the statements that define the view.
    pub fn places(&self) -> impl Iterator<Item = Site> {
        [self.at, self.named, self.query_site, self.security_invoker.at].into_iter().chain(self.acl.places())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ViewColumn {
    pub name: SmolStr,
    pub ty: Option<DataType>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    pub mode: ArgMode,
    pub name: Option<SmolStr>,
    pub ty: DataType,
    pub default: Option<Expression>,
    pub at: Site,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoutineKind {
    Function,
    Procedure,
    Aggregate,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    pub name: QName,
    pub kind: RoutineKind,
    pub args: Vec<Argument>,
    pub returns: Option<DataType>,
    pub language: SmolStr,
    pub volatility: Volatility,
    pub security_definer: Fact<bool>,
    pub strict: bool,
    /// Settings in the form of PostgreSQL: (`search_path`, `""`).
    pub settings: Vec<(SmolStr, SmolStr)>,
    pub body: Arc<Body>,
    pub at: Site,
    pub named: Site,
    pub certainty: Certainty,
    pub owner: SmolStr,
    pub acl: Acl,
    pub of_extension: bool,
}

impl Function {
    /// Returns the locations of the statements that define the function.
    pub fn places(&self) -> impl Iterator<Item = Site> {
        [self.at, self.named, self.security_definer.at].into_iter().chain(self.acl.places())
    }

    /// Returns the types of the arguments, which distinguish overloads.
    pub fn signature(&self) -> Vec<SmolStr> {
        self.inputs().map(|arg| arg.ty.signature()).collect()
    }

    /// Returns the input arguments.
    pub fn inputs(&self) -> impl Iterator<Item = &Argument> {
        self.args.iter().filter(|arg| !matches!(arg.mode, ArgMode::Out | ArgMode::Table))
    }

    pub fn outputs(&self) -> impl Iterator<Item = &Argument> {
        self.args.iter().filter(|arg| matches!(arg.mode, ArgMode::Out | ArgMode::InOut | ArgMode::Table))
    }

    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn returns_trigger(&self) -> bool {
        self.returns.as_ref().is_some_and(|ty| ty.is("trigger") || ty.is("event_trigger"))
    }

    /// Returns the arguments as `pg_get_function_identity_arguments` prints them with an empty search_path.
    pub fn identity_arguments(&self) -> String {
        let arguments = self.args.iter().filter(|arg| arg.mode != ArgMode::Table).map(|arg| {
            let mode = match arg.mode {
                // PostgreSQL 14 and later print IN for procedures, because callers also pass OUT arguments
                ArgMode::In if self.kind == RoutineKind::Procedure => "IN ",
                ArgMode::In | ArgMode::Table => "",
                ArgMode::Out => "OUT ",
                ArgMode::InOut => "INOUT ",
                ArgMode::Variadic => "VARIADIC ",
            };
            let name = arg.name.as_ref().map(|name| format!("{} ", quote_ident(name))).unwrap_or_default();
            format!("{mode}{name}{}", arg.ty.signature())
        });
        arguments.collect::<Vec<_>>().join(", ")
    }

    /// Returns the result as `pg_get_function_result` prints it, or `None` for a procedure.
    pub fn result(&self) -> Option<String> {
        let columns: Vec<String> = self
            .args
            .iter()
            .filter(|arg| arg.mode == ArgMode::Table)
            .map(|arg| format!("{} {}", quote_ident(arg.name.as_deref().unwrap_or_default()), arg.ty.signature()))
            .collect();
        if !columns.is_empty() {
            return Some(format!("TABLE({})", columns.join(", ")));
        }
        if self.returns.is_none() && self.kind == RoutineKind::Function {
            let mut given = self.args.iter().filter(|arg| matches!(arg.mode, ArgMode::Out | ArgMode::InOut));
            return match (given.next(), given.next()) {
                (Some(only), None) => Some(only.ty.signature().to_string()),
                (Some(_), Some(_)) => Some("record".into()),
                (None, _) => None,
            };
        }
        let returns = self.returns.as_ref()?;
        Some(if returns.setof { format!("SETOF {}", returns.signature()) } else { returns.signature().to_string() })
    }

    /// Returns the name with argument types, such as `public.f(uuid, text)`.
    pub fn display(&self) -> String {
        format!("{}({})", self.name, self.signature().join(", "))
    }

    /// Returns the name with argument types as SQL, with quotes where necessary.
    pub fn quoted(&self) -> String {
        format!("{}({})", self.name.quoted(), self.signature().join(", "))
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum TypeKind {
    Enum(Vec<Label>),
    Composite(Vec<(SmolStr, DataType)>),
    Domain { base: DataType, not_null: bool, checks: Vec<(SmolStr, Expression)> },
    Range,
    Base,
    Shell,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    pub text: String,
    pub at: Site,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Type {
    pub name: QName,
    pub kind: TypeKind,
    pub at: Site,
    pub certainty: Certainty,
    pub owner: SmolStr,
    pub of_extension: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Sequence {
    pub name: QName,
    pub at: Site,
    pub certainty: Certainty,
    pub owned_by: Option<(QName, SmolStr)>,
    pub owner: SmolStr,
    pub acl: Acl,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    pub name: SmolStr,
    pub at: Site,
    pub certainty: Certainty,
    pub owner: SmolStr,
    pub acl: Acl,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Extension {
    pub name: SmolStr,
    pub schema: SmolStr,
    /// Whether the names of all functions and types of the extension are known.
    pub known: bool,
    /// Derived file of the statements that create the objects of the extension.
    pub script: Option<FileId>,
    pub at: Site,
    pub certainty: Certainty,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    pub name: SmolStr,
    pub at: Site,
    pub bypass_rls: bool,
    pub superuser: bool,
    pub member_of: Vec<SmolStr>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Publication {
    pub name: SmolStr,
    pub at: Site,
    pub all_tables: bool,
    pub tables: Vec<(QName, Site)>,
    pub schemas: Vec<SmolStr>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Bucket {
    pub id: SmolStr,
    pub name: SmolStr,
    /// Whether the bucket is public, or `None` if the value is unknown.
    pub public: Option<bool>,
    pub at: Site,
    pub certainty: Certainty,
}

#[derive(Clone, Debug, PartialEq)]
pub struct EventTrigger {
    pub name: SmolStr,
    pub at: Site,
    pub event: SmolStr,
    pub tags: Vec<String>,
    pub function: QName,
}
