//! What roles need to hold, so that policies can let something through; and whether they hold it.
//!
//! PostgreSQL asks for the privilege on a table before it looks at a policy, and runs what a policy reads and calls with the rights of
//! whoever runs the query. Names in a policy were looked up when it was made, so those take no USAGE on a schema.
//! Source: PostgreSQL's documentation, "Privileges" and "Row Security Policies"; all of it tried on PostgreSQL 15.

use crate::analysis::code::path_names;
use crate::analysis::policy_grantees::{ROLES, SERVICE, is_invited};
use crate::analysis::prelude::*;
use crate::catalog::acl::Acl;
use crate::syntax::ast::ObjectKind;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Functions are looked into that deep: one that calls one that calls …
const DEPTH: usize = 4;

/// What the policies of a table mean one role to do.
pub struct Need<'a> {
    pub role: &'static str,
    /// Commands that some policy is meant to let through.
    pub invited: Privileges,
    /// The same, and SELECT where UPDATE or DELETE have to find their rows.
    pub wanted: Privileges,
    /// Sequences that fill columns of new rows, each with its column.
    pub sequences: Vec<(QName, SmolStr)>,
    /// What policies read and call, each with the first policy that does.
    pub behind: Vec<(Behind<'a>, &'a Policy)>,
}

/// What a policy rests on.
#[derive(Clone)]
pub enum Behind<'a> {
    /// Takes SELECT.
    Relation(QName),
    /// Takes EXECUTE.
    Function(&'a Function),
}

impl Behind<'_> {
    pub fn name(&self) -> String {
        match self {
            Behind::Relation(name) => name.to_string(),
            Behind::Function(function) => function.display(),
        }
    }

    pub fn is(&self, other: &Behind) -> bool {
        match (self, other) {
            (Behind::Relation(name), Behind::Relation(other)) => name == other,
            (Behind::Function(function), Behind::Function(other)) => function.at == other.at && function.name == other.name,
            _ => false,
        }
    }
}

/// What each role needs that the policies of a table invite.
pub fn of<'a>(cx: &State<'a>, table: &'a Table) -> Vec<Need<'a>> {
    let mut rests = BTreeMap::new();
    ROLES.into_iter().filter_map(|role| of_role(cx, table, role, &mut rests)).collect()
}

/// What clauses rest on, by their places: the same for each role and command.
type Rests<'a> = BTreeMap<Site, Vec<Behind<'a>>>;

fn of_role<'a>(cx: &State<'a>, table: &'a Table, role: &'static str, rests: &mut Rests<'a>) -> Option<Need<'a>> {
    let invited = COMMANDS
        .into_iter()
        .filter(|(command, ..)| table.policies.iter().any(|policy| is_invited(cx, policy, role, *command)))
        .fold(Privileges::NONE, |all, (_, privilege, _)| all | privilege);
    if invited.is_empty() {
        return None;
    }
    let reads = invited.intersects(Privileges::UPDATE | Privileges::DELETE);
    let wanted = if reads { invited | Privileges::SELECT } else { invited };
    let sequences = if invited.contains(Privileges::INSERT) { sequences(cx, table) } else { Vec::new() };
    let mut behind: Vec<(Behind, &Policy)> = Vec::new();
    // the service role passes by every policy
    for (command, privilege, _) in COMMANDS.into_iter().filter(|_| role != SERVICE) {
        if wanted.contains(privilege) {
            for policy in run(cx, table, role, command) {
                for clause in policy.asked(command) {
                    for found in rests.entry(clause.site).or_insert_with(|| rests_on(cx, clause)) {
                        if !behind.iter().any(|(known, _)| known.is(found)) {
                            behind.push((found.clone(), policy));
                        }
                    }
                }
            }
        }
    }
    Some(Need { role, invited, wanted, sequences, behind })
}

/// Policies whose clauses are evaluated when a role runs a command.
fn run<'t>(cx: &State, table: &'t Table, role: &str, command: Command) -> Vec<&'t Policy> {
    let (mut permissive, restrictive) = cx.applicable(table, role, command);
    // `true OR …` is true before anything runs, and what it would read is never opened
    let open = |policy: &&Policy| {
        let mut clauses = policy.asked(command).peekable();
        clauses.peek().is_some() && clauses.all(|clause| clause.root.is_true())
    };
    if permissive.iter().any(open) {
        permissive.clear();
    }
    permissive.into_iter().chain(restrictive).collect()
}

fn rests_on<'a>(cx: &State<'a>, clause: &Expression) -> Vec<Behind<'a>> {
    let bound = |item: &FromItem| match &item.relation {
        FromRelation::Table { bound: Some(bound), .. } => Some(QName::new(bound.0.clone(), bound.1.clone())),
        _ => None,
    };
    let mut out = Vec::new();
    clause.root.walk(&mut |node| look(cx, node, &bound, DEPTH, &mut out));
    out
}

fn look<'a>(cx: &State<'a>, node: Node, named: &dyn Fn(&FromItem) -> Option<QName>, depth: usize, out: &mut Vec<Behind<'a>>) -> Walk {
    let mut add = |behind: Behind<'a>| {
        let new = !out.iter().any(|known| known.is(&behind));
        if new {
            out.push(behind);
        }
        new
    };
    match node {
        Node::From(item) => {
            named(item).map(|name| add(Behind::Relation(name)));
        }
        Node::Expr(Expr { kind: ExprKind::Call(call), .. }) => {
            // one with its owner's rights asks for no more of the caller
            if let [function] = cx.catalog.callable(&call.name, call.args.len()).as_slice()
                && add(Behind::Function(function))
                && !function.security_definer.value
                && depth > 0
            {
                for (origin, code) in cx.code_of(function) {
                    code.walk(&mut |node| look(cx, node, &|item| origin.relation(item), depth - 1, out));
                }
            }
        }
        Node::Expr(_) | Node::Query(_) => {}
    }
    Walk::Into
}

/// Sequences that columns take their values from. Those of identity columns need no privilege.
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

/// What roles hold: as the history left it, or as it would be in a database made from it today.
#[derive(Clone, Copy)]
pub struct Held<'a> {
    pub catalog: &'a Catalog,
    pub fresh: bool,
}

impl Held<'_> {
    fn acl<'b>(&self, acl: &'b Acl, kind: ObjectKind) -> Cow<'b, Acl> {
        if self.fresh { Cow::Owned(acl.without_ended_defaults(kind)) } else { Cow::Borrowed(acl) }
    }

    /// Privileges on a table or view, on the whole or on some column. Of what is not known, all are held.
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

    /// `nextval` takes either of two privileges.
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

    pub fn behind(&self, role: &str, behind: &Behind) -> bool {
        match behind {
            Behind::Relation(name) => self.relation(role, name).contains(Privileges::SELECT),
            Behind::Function(function) => self.function(role, function),
        }
    }

    /// Schemas that nobody made here are not known.
    pub fn schema(&self, role: &str, name: &str) -> bool {
        !self.catalog.schemas.contains(&name.into()) || self.catalog.may_use_schema(role, name)
    }
}

/// The commands of a set, in the order of [`COMMANDS`].
pub fn words(privileges: Privileges) -> Vec<&'static str> {
    COMMANDS.into_iter().filter(|(_, privilege, _)| privileges.contains(*privilege)).map(|(.., word)| word).collect()
}

/// `a`, `a and b`, `a, b and c`
pub fn list<T: AsRef<str>>(items: &[T], last: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_string(),
        [rest @ .., end] => format!("{} {last} {}", rest.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", "), end.as_ref()),
    }
}
