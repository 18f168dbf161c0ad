//! All changes of the catalog that a statement can make.

use super::acl::Privileges;
use super::name::QName;
use super::object::*;
use super::partition::PartitionBound;
use crate::source::{FileId, Site, Span};
use crate::syntax::ast::{FunctionOptions, ObjectKind};
use smol_str::SmolStr;
use std::sync::Arc;

/// A change, and the statement that makes it.
#[derive(Clone, Debug)]
pub struct Effect {
    pub at: Site,
    pub certainty: Certainty,
    pub change: Change,
}

/// The object of a GRANT or REVOKE, with resolved names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grantable {
    Relation(QName),
    Sequence(QName),
    Function(QName, Vec<SmolStr>),
    Schema(SmolStr),
}

/// Facts that become uncertain after code that could not be evaluated completely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubted {
    Schemas,
    Tables,
    Columns,
    Constraints,
    Indexes,
    RowSecurity,
    StorageParameters,
    Policies,
    Triggers,
    Views,
    /// Options of views, such as `security_invoker`, but not their existence.
    ViewOptions,
    Functions,
    /// Options of functions, but not their existence.
    FunctionOptions,
    Types,
    Sequences,
    Grants,
}

#[derive(Clone, Debug)]
pub enum Change {
    /// A statement that could not be parsed or evaluated. The objects that it creates may exist.
    Obscure {
        span: Span,
    },
    /// Code that could not be evaluated completely may have changed facts of this kind.
    Doubt(Doubted),
    /// Code that could not be evaluated completely may have changed facts of this kind, in one table or another object.
    DoubtOf {
        table: QName,
        doubted: Doubted,
    },
    CreateSchema(Schema),
    DropSchema {
        name: SmolStr,
        cascade: bool,
    },
    RenameSchema {
        name: SmolStr,
        to: SmolStr,
    },

    /// A statement depends on a relation that no migration creates.
    AssumeTable {
        name: QName,
        named: Site,
    },
    /// A statement depends on a column of a relation that no migration creates.
    AssumeColumn {
        table: QName,
        column: SmolStr,
        named: Site,
    },
    CreateTable(Arc<Table>),
    DropRelation {
        name: QName,
        cascade: bool,
    },
    RenameRelation {
        name: QName,
        to: QName,
    },
    SetPartition {
        table: QName,
        parent: Option<QName>,
        bound: Option<PartitionBound>,
    },
    SetInherit {
        table: QName,
        parent: QName,
        inherit: bool,
    },

    AddColumn {
        table: QName,
        column: Box<Column>,
    },
    DropColumn {
        table: QName,
        column: SmolStr,
        cascade: bool,
    },
    RenameColumn {
        relation: QName,
        from: SmolStr,
        to: SmolStr,
    },
    SetColumnType {
        table: QName,
        column: SmolStr,
        ty: DataType,
    },
    SetDefault {
        table: QName,
        column: SmolStr,
        default: Option<Expression>,
    },
    SetNotNull {
        table: QName,
        column: SmolStr,
        not_null: bool,
    },
    SetIdentity {
        table: QName,
        column: SmolStr,
        identity: Option<Identity>,
    },
    DropGenerated {
        table: QName,
        column: SmolStr,
    },
    /// A definition without an effect on the model, which needs its columns.
    TouchColumns {
        table: QName,
        columns: Vec<SmolStr>,
    },

    /// An UPDATE writes these columns.
    UpdateColumns {
        table: QName,
        columns: Vec<SmolStr>,
    },

    AddConstraint {
        table: QName,
        constraint: Box<Constraint>,
        /// Index that enforces the constraint, or `None` if it uses an existing index.
        index: Option<Box<Index>>,
    },
    DropConstraint {
        table: QName,
        name: SmolStr,
        cascade: bool,
    },
    ValidateConstraint {
        table: QName,
        name: SmolStr,
    },
    RenameConstraint {
        table: QName,
        from: SmolStr,
        to: SmolStr,
    },

    CreateIndex {
        relation: QName,
        index: Box<Index>,
    },
    DropIndex {
        name: QName,
    },
    CommentIndex {
        name: QName,
        text: Option<SmolStr>,
    },
    RenameIndex {
        name: QName,
        to: SmolStr,
    },
    /// Attaches an index of a partition to an index of the partitioned table.
    AttachIndex {
        partition: QName,
        name: SmolStr,
        whole: SmolStr,
    },

    SetRls {
        table: QName,
        enabled: bool,
    },
    SetForceRls {
        table: QName,
        forced: bool,
    },
    /// Sets the storage parameter `autovacuum_enabled`, or resets it.
    SetAutovacuum {
        table: QName,
        value: Option<SmolStr>,
    },
    CreatePolicy {
        table: QName,
        policy: Box<Policy>,
    },
    AlterPolicy {
        table: QName,
        name: SmolStr,
        roles: Option<Vec<SmolStr>>,
        using: Option<Expression>,
        check: Option<Expression>,
    },
    DropPolicy {
        table: QName,
        name: SmolStr,
    },
    RenamePolicy {
        table: QName,
        from: SmolStr,
        to: SmolStr,
    },

    CreateTrigger {
        relation: QName,
        trigger: Box<Trigger>,
        replace: bool,
    },
    DropTrigger {
        relation: QName,
        name: SmolStr,
    },
    RenameTrigger {
        relation: QName,
        from: SmolStr,
        to: SmolStr,
    },
    /// Enables or disables a trigger, or all triggers if there is no name.
    EnableTrigger {
        relation: QName,
        name: Option<SmolStr>,
        enabled: bool,
    },

    CreateView {
        view: Box<View>,
        replace: bool,
    },
    SetSecurityInvoker {
        view: QName,
        on: bool,
    },

    CreateFunction {
        function: Box<Function>,
        replace: bool,
    },
    AlterFunction {
        name: QName,
        signature: Vec<SmolStr>,
        options: FunctionOptions,
    },
    DropFunction {
        name: QName,
        signature: Vec<SmolStr>,
        cascade: bool,
    },
    RenameFunction {
        name: QName,
        signature: Vec<SmolStr>,
        to: QName,
    },

    CreateType(Box<Type>),
    DropType {
        name: QName,
        cascade: bool,
    },
    RenameType {
        name: QName,
        to: QName,
    },
    AddLabel {
        name: QName,
        label: String,
        before: Option<String>,
        after: Option<String>,
    },
    RenameLabel {
        name: QName,
        from: String,
        to: String,
    },

    CreateSequence(Box<Sequence>),
    OwnSequence {
        name: QName,
        owner: Option<(QName, SmolStr)>,
    },

    CreateExtension(Extension),
    /// Sets the file of the statements that create the objects of an extension.
    SetExtensionScript {
        name: SmolStr,
        script: FileId,
    },
    /// Changes the schema of an extension. Its objects are renamed by other changes.
    MoveExtension {
        name: SmolStr,
        schema: SmolStr,
    },
    DropExtension {
        name: SmolStr,
        cascade: bool,
    },
    CreateRole(Role),
    DropRole {
        name: SmolStr,
    },
    JoinRole {
        role: SmolStr,
        member: SmolStr,
        joined: bool,
    },

    Grant {
        on: Grantable,
        grantee: SmolStr,
        privileges: Privileges,
        columns: Vec<SmolStr>,
    },
    Revoke {
        on: Grantable,
        grantee: SmolStr,
        privileges: Privileges,
        columns: Vec<SmolStr>,
    },
    DefaultPrivileges {
        role: SmolStr,
        schema: Option<SmolStr>,
        on: ObjectKind,
        grantee: SmolStr,
        privileges: Privileges,
        grant: bool,
    },
    SetOwner {
        kind: ObjectKind,
        name: QName,
        signature: Option<Vec<SmolStr>>,
        owner: SmolStr,
    },

    CreatePublication(Publication),
    DropPublication {
        name: SmolStr,
    },
    SetPublication {
        name: SmolStr,
        add: Vec<QName>,
        remove: Vec<QName>,
        schemas: Vec<SmolStr>,
        replace: bool,
    },

    PutBucket(Bucket),
    SetBucketPublic {
        id: SmolStr,
        public: Option<bool>,
    },
    RemoveBucket {
        id: SmolStr,
    },

    CreateEventTrigger(EventTrigger),
    DropEventTrigger {
        name: SmolStr,
    },

    SetSearchPath {
        path: Option<Vec<SmolStr>>,
    },
    /// Sets `check_function_bodies`.
    CheckBodies {
        on: bool,
    },
    SetRole {
        role: Option<SmolStr>,
    },
    /// Ends the default grants of the platform to new objects, as Supabase did in 2026.
    EndPlatformDefaults,
}

impl Change {
    /// Returns the relation or function that the change concerns.
    pub fn object(&self) -> Option<&QName> {
        match self {
            Change::CreateTable(table) => Some(&table.name),
            Change::CreateView { view, .. } => Some(&view.name),
            Change::CreateFunction { function, .. } => Some(&function.name),
            Change::SetSecurityInvoker { view, .. } => Some(view),
            Change::DropRelation { name, .. }
            | Change::RenameRelation { to: name, .. }
            | Change::AlterFunction { name, .. }
            | Change::DropFunction { name, .. }
            | Change::RenameFunction { to: name, .. }
            | Change::SetOwner { name, .. }
            | Change::Grant { on: Grantable::Relation(name), .. }
            | Change::Revoke { on: Grantable::Relation(name), .. }
            | Change::Grant { on: Grantable::Function(name, _), .. }
            | Change::Revoke { on: Grantable::Function(name, _), .. } => Some(name),
            Change::SetPartition { table, .. }
            | Change::SetInherit { table, .. }
            | Change::AddColumn { table, .. }
            | Change::DropColumn { table, .. }
            | Change::RenameColumn { relation: table, .. }
            | Change::SetColumnType { table, .. }
            | Change::SetDefault { table, .. }
            | Change::SetNotNull { table, .. }
            | Change::SetIdentity { table, .. }
            | Change::DropGenerated { table, .. }
            | Change::AddConstraint { table, .. }
            | Change::DropConstraint { table, .. }
            | Change::ValidateConstraint { table, .. }
            | Change::RenameConstraint { table, .. }
            | Change::CreateIndex { relation: table, .. }
            | Change::SetRls { table, .. }
            | Change::SetForceRls { table, .. }
            | Change::SetAutovacuum { table, .. }
            | Change::CreatePolicy { table, .. }
            | Change::AlterPolicy { table, .. }
            | Change::DropPolicy { table, .. }
            | Change::RenamePolicy { table, .. }
            | Change::CreateTrigger { relation: table, .. }
            | Change::DropTrigger { relation: table, .. }
            | Change::RenameTrigger { relation: table, .. }
            | Change::EnableTrigger { relation: table, .. } => Some(table),
            _ => None,
        }
    }
}
