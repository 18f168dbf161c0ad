//! Tenant columns of tables, as their policies use them.
//!
//! Promises: a tenant column is one that a policy compares with the tenants of the caller. Limits: a name alone is not sufficient, and the
//! id of the caller (`user_id = auth.uid()`) is not a tenant.

use super::row_parent::target;
use crate::analysis::identity_helpers;
use crate::analysis::prelude::*;
use crate::analysis::row_columns::{deep, handles_null, row_column, row_columns};
use crate::analysis::state::SqlOwner;
use crate::analysis::state::{is_users_function, is_users_table, policies_of};
use std::collections::{BTreeMap, BTreeSet};

/// A column with which policies separate tenants.
#[derive(Clone, Debug, PartialEq)]
pub struct Tenant {
    pub column: SmolStr,
    /// Location of the comparison.
    pub at: Site,
}

/// The tenant columns of every table that has any, in the order in which its policies use them.
pub struct Tenants<'a> {
    of: &'a BTreeMap<QName, Vec<Tenant>>,
    tenant_tables: TenantTables<'a>,
    identity: &'a IdentityHelpers,
}

/// Tables with members, such as organizations.
type TenantTables<'a> = &'a BTreeSet<QName>;

impl<'a> Tenants<'a> {
    pub fn of(cx: &State<'a>) -> Tenants<'a> {
        let of = cx.analyses().tenants.get_or_init(|| cx.catalog.tables.values().filter_map(|table| Tenants::of_one(cx, table)).collect());
        Tenants { of, tenant_tables: tenant_tables(cx), identity: cx.identity_helpers() }
    }

    /// Returns a table with its tenant columns.
    fn of_one(cx: &State, table: &Table) -> Option<(QName, Vec<Tenant>)> {
        if !is_users_table(table) || !table.rls.value {
            return None;
        }
        let reader = PolicyReader { cx, identity: cx.identity_helpers(), table, tenant_tables: tenant_tables(cx) };
        let mut found: Vec<Tenant> = Vec::new();
        let mut owners: Vec<SmolStr> = Vec::new();
        for policy in &table.policies {
            for (_, expression) in policy.clauses() {
                reader.read(expression, &mut found, &mut owners);
            }
        }
        found.retain(|tenant| !owners.contains(&tenant.column));
        let mut seen = BTreeSet::new();
        found.retain(|tenant| seen.insert(tenant.column.clone()));
        (!found.is_empty()).then(|| (table.name.clone(), found))
    }

    pub fn all(&self) -> &'a BTreeMap<QName, Vec<Tenant>> {
        self.of
    }

    /// Returns whether users are members of the rows of a table.
    pub fn is_tenant_table(&self, table: &QName) -> bool {
        is_tenant_table(self.tenant_tables, table)
    }

    /// Returns the names that separate tenants in more than one table. A name in one table can be a shared object, such as a project.
    pub fn columns(&self) -> BTreeSet<SmolStr> {
        let mut once = BTreeSet::new();
        let all = self.of.values().flatten().map(|tenant| &tenant.column).filter(|column| *column != "id");
        all.filter(|column| !once.insert(*column)).cloned().collect()
    }

    pub fn of_table(&self, table: &Table) -> &'a [Tenant] {
        self.of.get(&table.name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns who can read a row with NULL in the column, or `None` if users of a tenant can.
    pub fn null_visibility(&self, cx: &State, table: &Table, column: &str) -> Option<NullVisibility> {
        let reads = |policy: &&Policy| policy.applies_to(Command::Select) && API_ROLES.iter().any(|role| cx.concerns(policy, role));
        let (permissive, restrictive): (Vec<&Policy>, Vec<&Policy>) = table.policies.iter().filter(reads).partition(|one| one.permissive);
        let handled = table.policies.iter().flat_map(Policy::clauses).any(|(_, expression)| handles_null(&expression.root, table, column));
        let hides = |policy: &&Policy| match &policy.using {
            Some(using) => self.null_visibility_of(&using.root, table, column, 0),
            None => NullVisibility::Everyone,
        };
        let seen: Vec<NullVisibility> = permissive.iter().map(&hides).collect();
        if handled {
            return None;
        }
        if restrictive.iter().any(|policy| hides(policy) == NullVisibility::Nobody) {
            return Some(NullVisibility::Nobody);
        }
        let most = seen.iter().copied().max()?;
        (seen.contains(&NullVisibility::Nobody) && most < NullVisibility::Everyone).then_some(most)
    }

    /// Returns who can read a row with NULL in the column, according to one condition.
    fn null_visibility_of(&self, expr: &Expr, table: &Table, column: &str, depth: u16) -> NullVisibility {
        match &expr.kind {
            ExprKind::Logic { op: Logic::And, left, right } => {
                self.null_visibility_of(left, table, column, depth).min(self.null_visibility_of(right, table, column, depth))
            }
            ExprKind::Logic { op: Logic::Or, left, right } => {
                self.null_visibility_of(left, table, column, depth).max(self.null_visibility_of(right, table, column, depth))
            }
            ExprKind::Case { .. } => NullVisibility::Everyone,
            _ => {
                let columns = row_columns(expr, table, depth);
                if columns.iter().any(|(name, _)| *name == column) {
                    NullVisibility::Nobody
                } else if !columns.is_empty() {
                    NullVisibility::Everyone
                } else if is_special(expr, self.identity) {
                    NullVisibility::Privileged
                } else {
                    NullVisibility::Everyone
                }
            }
        }
    }
}

/// Visibility of a row without a tenant, in increasing order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NullVisibility {
    /// No user, because the comparison is not true.
    Nobody,
    /// Users whom a condition lets read any row, such as administrators and the service role.
    Privileged,
    Everyone,
}

/// Returns whether a condition without columns of the row requires more than a signed-in user.
fn is_special(expr: &Expr, identity: &IdentityHelpers) -> bool {
    expr.all().iter().any(|part| match &part.kind {
        ExprKind::Call(call) => identity.is_helper(call),
        ExprKind::String(text) => text == "service_role" || text.contains("admin"),
        ExprKind::Exists { .. } | ExprKind::InQuery { .. } => true,
        ExprKind::Subquery(query) => query.select().is_some_and(|select| !select.from.is_empty()),
        _ => false,
    })
}

fn is_tenant_table(tenant_tables: TenantTables, table: &QName) -> bool {
    tenant_tables.contains(table)
}

/// Returns the tables with members: another table refers to them and to a user that is compared with the caller.
fn tenant_tables<'a>(cx: &State<'a>) -> TenantTables<'a> {
    cx.analyses()
        .tenant_tables
        .get_or_init(|| tables_with_members(cx, cx.sql_owners().flat_map(|owner| read_to_identify_tenants(cx, owner)).collect()))
}

/// Returns the tables that are read to determine the tenants of the caller.
fn read_to_identify_tenants(cx: &State, owner: SqlOwner) -> BTreeSet<QName> {
    let identity = cx.identity_helpers();
    let mut members: BTreeSet<QName> = BTreeSet::new();
    match owner {
        SqlOwner::Table(table) => {
            for query in policies_of(table).flat_map(Policy::clauses).flat_map(|(_, expression)| expression.root.queries()) {
                if identity.in_query(query) {
                    for select in query.body.selects() {
                        members.extend(select.from.iter().flat_map(FromItem::tables).filter_map(bound));
                    }
                }
            }
        }
        SqlOwner::Function(function) if is_users_function(function) && identity.identifies_caller(function) => {
            for (origin, code) in cx.code_of(function) {
                for query in code.queries() {
                    for select in query.body.selects() {
                        members.extend(select.from.iter().flat_map(FromItem::tables).filter_map(|item| origin.relation(item)));
                    }
                }
            }
        }
        SqlOwner::Function(_) | SqlOwner::View(_) => {}
    }
    members
}

fn tables_with_members(cx: &State, members: BTreeSet<QName>) -> BTreeSet<QName> {
    let mut out = BTreeSet::new();
    for table in members.iter().filter_map(|name| cx.catalog.table(name)) {
        let members_of = |column: &SmolStr| is_person(column) || target(table, column).is_some_and(is_people);
        for (constraint, key) in table.foreign_keys().filter(|(_, key)| !is_people(&key.table)) {
            // a membership has a unique constraint on the pair, unlike a task with a person and a project
            let once = table.indexes.iter().filter(|index| index.unique && index.predicate.is_none()).any(|index| {
                let columns: Vec<&SmolStr> = index.columns.iter().filter_map(|column| column.column.as_ref()).collect();
                columns.iter().any(|column| members_of(column)) && constraint.columns.iter().all(|column| columns.contains(&column))
            });
            if once || table.name.name.contains("member") {
                out.insert(key.table.clone());
            }
        }
    }
    out
}

fn bound(item: &FromItem) -> Option<QName> {
    match &item.relation {
        FromRelation::Table { bound: Some(bound), .. } => Some(QName::new(bound.0.clone(), bound.1.clone())),
        _ => None,
    }
}

fn is_people(table: &QName) -> bool {
    table.is("auth", "users") || matches!(table.name.as_str(), "users" | "profiles" | "user_profiles")
}

/// Returns whether a column contains the id of a user, judging by its name.
pub fn is_person(column: &str) -> bool {
    matches!(column, "user_id" | "userid" | "uid" | "user_uuid" | "auth_user_id" | "profile_id" | "owner_id" | "owner")
}

/// Reader of the policies of one table.
struct PolicyReader<'r, 'a> {
    cx: &'r State<'a>,
    identity: &'r IdentityHelpers,
    table: &'r Table,
    tenant_tables: TenantTables<'r>,
}

impl PolicyReader<'_, '_> {
    fn read(&self, expression: &Expression, found: &mut Vec<Tenant>, owners: &mut Vec<SmolStr>) {
        let mut add = |name: &str, node: &Expr| found.push(Tenant { column: name.into(), at: expression.at(node) });
        deep(&expression.root, 0, &mut |expr, depth| {
            if let Some(pair) = expr.equality() {
                for (one, other) in [pair, (pair.1, pair.0)] {
                    let Some(column) = row_column(one, self.table, depth) else { continue };
                    if identity_helpers::is_uid(other) {
                        owners.push(column.into());
                    } else if depth == 0 && self.is_tenant_of_caller(other, column) {
                        add(column, expr);
                    }
                }
                return;
            }
            match &expr.kind {
                ExprKind::InQuery { expr: left, query, negated: false } if depth == 0 => {
                    if let Some(column) = row_column(left, self.table, 0)
                        && self.selects_tenants(query, column)
                    {
                        add(column, expr);
                    }
                }
                ExprKind::Quantified { left, op, all: false, right } if op == "=" && depth == 0 => {
                    if let Some(column) = row_column(left, self.table, 0)
                        && self.is_tenant_of_caller(right, column)
                    {
                        add(column, expr);
                    }
                }
                ExprKind::Exists { query, negated: false } if self.identity.in_query(query) => self.correlated(query, depth, &mut add),
                ExprKind::Call(call) if depth == 0 && self.is_membership(call) => {
                    for arg in &call.args {
                        if let Some(column) = row_column(&arg.value, self.table, 0)
                            && self.is_known(column)
                        {
                            add(column, expr);
                        }
                    }
                }
                _ => {}
            }
        });
    }

    /// Returns whether a value is a tenant of the caller: a claim, a membership or the result of a helper function.
    fn is_tenant_of_caller(&self, value: &Expr, column: &str) -> bool {
        match &value.uncast().kind {
            ExprKind::Subquery(query) | ExprKind::ArrayQuery(query) => self.selects_tenants(query, column),
            ExprKind::Call(call) if identity_helpers::is_auth_call(call) => call.name.last() == "current_setting" && self.is_known(column),
            ExprKind::Call(call) if self.identity.is_helper(call) => self.is_known(column),
            ExprKind::Binary { .. } | ExprKind::Call(_) => self.is_claim(value) && self.is_known(column),
            _ => false,
        }
    }

    /// Returns whether a value is a claim such as `auth.jwt() -> 'app_metadata' ->> 'org_id'`, but not the id or role of the user.
    fn is_claim(&self, value: &Expr) -> bool {
        let keys: Vec<&str> = value.all().into_iter().filter_map(Expr::as_str).collect();
        self.identity.in_expr(value) && !keys.iter().any(|key| matches!(*key, "sub" | "role" | "email"))
    }

    /// Returns whether a query selects the memberships of the caller. The key of a parent identifies the parent, not a tenant.
    fn selects_tenants(&self, query: &Query, column: &str) -> bool {
        let Some(select) = query.select() else {
            return query.body.selects().iter().any(|_| self.identity.in_query(query) && self.is_known(column));
        };
        if !self.identity.in_query(query) {
            return false;
        }
        let [target] = select.targets.as_slice() else { return false };
        match &target.expr.uncast().kind {
            ExprKind::Column { path, binding: Binding::Column { depth: 0, relation: Some(relation) } } => {
                let name = QName::new(relation.0.clone(), relation.1.clone());
                path.last().is_some_and(|selected| self.is_of_members(&name, selected, column))
            }
            _ => self.is_known(column),
        }
    }

    fn is_of_members(&self, relation: &QName, selected: &str, column: &str) -> bool {
        let Some(table) = self.cx.catalog.table(relation) else { return self.is_known(column) };
        let own_key = table.primary_key().is_some_and(|key| key.columns.len() == 1 && key.columns[0] == selected) || selected == "id";
        if own_key || is_person(selected) {
            self.is_known(column) && !is_person(column)
        } else {
            self.is_known(column) || self.refers_to_tenant_table(table, selected)
        }
    }

    /// Adds the columns of `exists (select … from members where members.org_id = row.org_id and members.user_id = auth.uid())`.
    fn correlated(&self, query: &Query, depth: u16, add: &mut dyn FnMut(&str, &Expr)) {
        for select in query.body.selects() {
            let conditions = select.filter.iter().chain(select.from.iter().flat_map(|item| &item.on)).flat_map(Expr::conjuncts);
            for condition in conditions {
                let Some(pair) = condition.equality() else { continue };
                for (one, other) in [pair, (pair.1, pair.0)] {
                    let Some(column) = row_column(one, self.table, depth + 1) else { continue };
                    if let ExprKind::Column { path, binding: Binding::Column { depth: 0, relation: Some(relation) } } = &other.uncast().kind
                        && let Some(selected) = path.last()
                        && self.is_of_members(&QName::new(relation.0.clone(), relation.1.clone()), selected, column)
                    {
                        add(column, condition);
                    }
                }
            }
        }
    }

    /// Returns whether a call is a function that identifies the caller or takes the caller as an argument.
    fn is_membership(&self, call: &Call) -> bool {
        call.name.schema() != Some("auth")
            && (self.identity.is_helper(call) || call.args.iter().any(|arg| identity_helpers::is_uid(&arg.value)))
    }

    /// Returns whether a column refers to a table with members, or is a tenant column in the settings.
    fn is_known(&self, column: &str) -> bool {
        !is_person(column)
            && (self.cx.config().tenant_columns.iter().any(|known| known == column) || self.refers_to_tenant_table(self.table, column))
    }

    fn refers_to_tenant_table(&self, table: &Table, column: &str) -> bool {
        table.foreign_keys().any(|(constraint, key)| {
            matches!(constraint.columns.as_slice(), [only] if only == column)
                && is_tenant_table(self.tenant_tables, &key.table)
                && !is_people(&key.table)
        })
    }
}

/// Returns the names of tenant columns: those in the settings, and those that policies of several tables use.
pub fn tenant_columns(cx: &State) -> Vec<SmolStr> {
    let mut out: Vec<SmolStr> = cx.config().tenant_columns.iter().map(SmolStr::from).collect();
    out.extend(Tenants::of(cx).columns());
    out.sort();
    out.dedup();
    out
}
