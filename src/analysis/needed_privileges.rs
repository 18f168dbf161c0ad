//! The privileges that roles need for the policies of a table, and the privileges that they have.
//!
//! PostgreSQL checks the privilege on a table before it applies a policy. A policy reads and calls with the privileges of the role that
//! runs the query. Names in a policy are bound at creation, so they need no USAGE on a schema.
//! Source: PostgreSQL's documentation, "Privileges" and "Row Security Policies". Tested on PostgreSQL 15.

use crate::analysis::code::path_names;
use crate::analysis::policy_grantees::{ROLES, SERVICE, is_invited};
use crate::analysis::prelude::*;
use crate::catalog::acl::Acl;
use crate::syntax::ast::ObjectKind;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Maximum depth of nested function calls that are followed.
const DEPTH: usize = 4;

/// The privileges that the policies of a table require for one role.
pub struct Need<'a> {
    pub role: &'static str,
    /// Commands that at least one policy is meant to allow.
    pub allowed_by_policy: Privileges,
    /// Commands that at least one policy is meant to allow, plus SELECT if UPDATE or DELETE need it to find their rows.
    pub required: Privileges,
    /// Sequences that fill columns of new rows, each with its column.
    pub sequences: Vec<(QName, SmolStr)>,
    /// Objects that policies read or call, each with the first policy that uses it.
    pub objects: Vec<(RequiredObject<'a>, &'a Policy)>,
}

/// An object that a policy uses.
#[derive(Clone)]
pub enum RequiredObject<'a> {
    /// A relation, which requires SELECT.
    Relation(QName),
    /// A function, which requires EXECUTE.
    Function(&'a Function),
}

impl RequiredObject<'_> {
    pub fn name(&self) -> String {
        match self {
            RequiredObject::Relation(name) => name.to_string(),
            RequiredObject::Function(function) => function.display(),
        }
    }

    pub fn is(&self, other: &RequiredObject) -> bool {
        match (self, other) {
            (RequiredObject::Relation(name), RequiredObject::Relation(other)) => name == other,
            (RequiredObject::Function(function), RequiredObject::Function(other)) => function.at == other.at && function.name == other.name,
            _ => false,
        }
    }
}

/// Returns the privileges that each role needs for the policies of a table.
pub fn of<'a>(cx: &State<'a>, table: &'a Table) -> Vec<Need<'a>> {
    let mut by_clause = BTreeMap::new();
    ROLES.into_iter().filter_map(|role| of_role(cx, table, role, &mut by_clause)).collect()
}

/// Objects that clauses use, by the location of the clause. They are the same for each role and command.
type RequiredObjects<'a> = BTreeMap<Site, Vec<RequiredObject<'a>>>;

fn of_role<'a>(cx: &State<'a>, table: &'a Table, role: &'static str, by_clause: &mut RequiredObjects<'a>) -> Option<Need<'a>> {
    let allowed_by_policy = COMMANDS
        .into_iter()
        .filter(|(command, ..)| table.policies.iter().any(|policy| is_invited(cx, policy, role, *command)))
        .fold(Privileges::NONE, |all, (_, privilege, _)| all | privilege);
    if allowed_by_policy.is_empty() {
        return None;
    }
    let reads = allowed_by_policy.intersects(Privileges::UPDATE | Privileges::DELETE);
    let required = if reads { allowed_by_policy | Privileges::SELECT } else { allowed_by_policy };
    let sequences = if allowed_by_policy.contains(Privileges::INSERT) { sequences(cx, table) } else { Vec::new() };
    let mut objects: Vec<(RequiredObject, &Policy)> = Vec::new();
    // the service role bypasses policies
    for (command, privilege, _) in COMMANDS.into_iter().filter(|_| role != SERVICE) {
        if required.contains(privilege) {
            for policy in run(cx, table, role, command) {
                for clause in policy.asked(command) {
                    for found in by_clause.entry(clause.site).or_insert_with(|| required_objects(cx, clause)) {
                        if !objects.iter().any(|(known, _)| known.is(found)) {
                            objects.push((found.clone(), policy));
                        }
                    }
                }
            }
        }
    }
    Some(Need { role, allowed_by_policy, required, sequences, objects })
}

/// Returns the policies whose clauses are evaluated when a role runs a command.
fn run<'t>(cx: &State, table: &'t Table, role: &str, command: Command) -> Vec<&'t Policy> {
    let (mut permissive, restrictive) = cx.applicable(table, role, command);
    // PostgreSQL simplifies `true OR …`, so other policies are not evaluated
    let open = |policy: &&Policy| {
        let mut clauses = policy.asked(command).peekable();
        clauses.peek().is_some() && clauses.all(|clause| clause.root.is_true())
    };
    if permissive.iter().any(open) {
        permissive.clear();
    }
    permissive.into_iter().chain(restrictive).collect()
}

fn required_objects<'a>(cx: &State<'a>, clause: &Expression) -> Vec<RequiredObject<'a>> {
    let bound = |item: &FromItem| match &item.relation {
        FromRelation::Table { bound: Some(bound), .. } => Some(QName::new(bound.0.clone(), bound.1.clone())),
        _ => None,
    };
    let mut out = Vec::new();
    clause.root.walk(&mut |node| add_objects(cx, node, &bound, DEPTH, &mut out));
    out
}

fn add_objects<'a>(
    cx: &State<'a>,
    node: Node,
    named: &dyn Fn(&FromItem) -> Option<QName>,
    depth: usize,
    out: &mut Vec<RequiredObject<'a>>,
) -> Walk {
    let mut add = |object: RequiredObject<'a>| {
        let new = !out.iter().any(|known| known.is(&object));
        if new {
            out.push(object);
        }
        new
    };
    match node {
        Node::From(item) => {
            named(item).map(|name| add(RequiredObject::Relation(name)));
        }
        Node::Expr(Expr { kind: ExprKind::Call(call), .. }) => {
            // a SECURITY DEFINER function needs no other privileges of the caller
            if let [function] = cx.catalog.callable(&call.name, call.args.len()).as_slice()
                && add(RequiredObject::Function(function))
                && !function.security_definer.value
                && depth > 0
            {
                for (origin, code) in cx.code_of(function) {
                    code.walk(&mut |node| add_objects(cx, node, &|item| origin.relation(item), depth - 1, out));
                }
            }
        }
        Node::Expr(_) | Node::Query(_) => {}
    }
    Walk::Into
}

/// Returns the sequences of columns. Sequences of identity columns need no privilege.
fn sequences(cx: &State, table: &Table) -> Vec<(QName, SmolStr)> {
    let called = |column: &Column| {
        let call = column.default.as_ref()?.root.uncast().as_call()?;
        let text = call.args.first()?.value.as_str()?;
        let name = match path_names(&text.replace('.', ",")).as_slice() {
            [schema, name] => QName::new(schema.clone(), name.clone()),
            [name] => QName::new("public", name.clone()),
            _ => return None,
        };
        (call.name.last() == "nextval" && cx.catalog.sequences.contains(&name)).then_some(name)
    };
    let filled = table.columns.iter().filter(|column| column.identity.is_none());
    filled.filter_map(|column| Some((called(column)?, column.name.clone()))).collect()
}

/// The privileges of roles, either at the end of the history or on a database that is created from the migrations today.
#[derive(Clone, Copy)]
pub struct Held<'a> {
    pub catalog: &'a Catalog,
    pub fresh: bool,
}

impl Held<'_> {
    fn acl<'b>(&self, acl: &'b Acl, kind: ObjectKind) -> Cow<'b, Acl> {
        if self.fresh { Cow::Owned(acl.without_ended_defaults(kind)) } else { Cow::Borrowed(acl) }
    }

    /// Returns the privileges on a table or view, or on at least one of its columns. An unknown relation has all privileges.
    pub fn relation(&self, role: &str, name: &QName) -> Privileges {
        let catalog = self.catalog;
        let (acl, owner) = match (catalog.table(name), catalog.views.get(name)) {
            (Some(table), _) if !table.external && !table.of_extension => (&table.acl, &table.owner),
            (None, Some(view)) if !view.of_extension => (&view.acl, &view.owner),
            _ => return Privileges::all(ObjectKind::Table),
        };
        let acl = self.acl(acl, ObjectKind::Table);
        let mut out = catalog.privileges(role, &acl, owner, ObjectKind::Table);
        for privilege in [Privileges::SELECT, Privileges::INSERT, Privileges::UPDATE] {
            if catalog.column_privilege(role, &acl, privilege) {
                out |= privilege;
            }
        }
        out
    }

    /// Returns whether a role can call `nextval`, which requires USAGE or UPDATE.
    pub fn sequence(&self, role: &str, name: &QName) -> bool {
        self.catalog.sequences.get(name).is_none_or(|sequence| {
            let acl = self.acl(&sequence.acl, ObjectKind::Sequence);
            let held = self.catalog.privileges(role, &acl, &sequence.owner, ObjectKind::Sequence);
            held.intersects(Privileges::USAGE | Privileges::UPDATE)
        })
    }

    pub fn function(&self, role: &str, function: &Function) -> bool {
        let acl = self.acl(&function.acl, ObjectKind::Function);
        function.of_extension || self.catalog.privileges(role, &acl, &function.owner, ObjectKind::Function).contains(Privileges::EXECUTE)
    }

    pub fn object(&self, role: &str, object: &RequiredObject) -> bool {
        match object {
            RequiredObject::Relation(name) => self.relation(role, name).contains(Privileges::SELECT),
            RequiredObject::Function(function) => self.function(role, function),
        }
    }

    /// Returns whether a role can use a schema. A schema that no migration creates is assumed to be usable.
    pub fn schema(&self, role: &str, name: &str) -> bool {
        !self.catalog.schemas.contains(&name.into()) || self.catalog.may_use_schema(role, name)
    }
}

/// Returns the names of the commands in a set, in the order of [`COMMANDS`].
pub fn words(privileges: Privileges) -> Vec<&'static str> {
    COMMANDS.into_iter().filter(|(_, privilege, _)| privileges.contains(*privilege)).map(|(.., word)| word).collect()
}

/// Joins items: `a`, `a and b`, `a, b and c`.
pub fn list<T: AsRef<str>>(items: &[T], last: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_string(),
        [rest @ .., end] => format!("{} {last} {}", rest.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", "), end.as_ref()),
    }
}
