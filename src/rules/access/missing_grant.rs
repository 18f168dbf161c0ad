//! Policies for a role without the required privileges. PostgreSQL checks privileges before policies.

use crate::analysis::exposure::can_have_rls;
use crate::analysis::needed_privileges::{self, Held, Need, RequiredObject, list, words};
use crate::analysis::policy_grantees::{SERVICE, is_invited};
use crate::remedy::grant;
use crate::remedy::policy_like::reading_too;
use crate::rules::prelude::*;

rule!("access/missing-grant", Security, Error, Schema(check), fixable);

/// A role and the privileges that it lacks on one table.
struct Lack<'n, 'a> {
    need: &'n Need<'a>,
    /// Missing privileges for the commands that policies allow.
    commands: Privileges,
    /// Whether SELECT is missing, which UPDATE and DELETE need to find their rows.
    blind: bool,
    sequences: Vec<&'n (QName, SmolStr)>,
    schema: bool,
}

impl Lack<'_, '_> {
    /// Returns whether SELECT is missing.
    fn reads(&self) -> bool {
        self.blind || self.commands.contains(Privileges::SELECT)
    }
}

/// Objects that policies use but roles cannot access.
struct Gap<'a> {
    objects: Vec<RequiredObject<'a>>,
    roles: Vec<&'static str>,
    /// Whether the policies apply to these roles only because they have no TO.
    unaddressed: bool,
    policies: Vec<(&'a Table, &'a Policy)>,
}

/// Policies of one role that one REVOKE made useless.
struct Dead<'a> {
    role: &'static str,
    revoked: Site,
    policies: Vec<(&'a Table, &'a Policy, Privileges)>,
}

fn check(cx: &mut Cx) {
    let held = Held { catalog: cx.catalog, fresh: false };
    let (mut gaps, mut dead): (Vec<Gap>, Vec<Dead>) = (Vec::new(), Vec::new());
    let mut told: Vec<(&QName, &str)> = Vec::new();
    let of_platform = |table: &Table| matches!(table.name.schema.as_str(), "storage" | "realtime");
    let tables: Vec<&Table> = cx.guarded_tables().filter(|table| cx.is_exposed(&table.name.schema) || of_platform(table)).collect();
    for table in tables {
        let known = !table.external && !table.created.is_platform();
        if known && !(table.rls.value && can_have_rls(table)) {
            continue;
        }
        let needs = needed_privileges::of(cx, table);
        let lacks: Vec<Lack> = needs.iter().filter(|_| known).filter_map(|need| lack(&held, table, need)).collect();
        let (taken, lacks): (Vec<Lack>, Vec<Lack>) = lacks.into_iter().partition(|lack| taken(table, lack).is_some());
        for need in needs.iter().filter(|need| !taken.iter().any(|lack| lack.need.role == need.role)) {
            gather(&held, table, need, &mut gaps);
        }
        if !lacks.is_empty() {
            ungranted(cx, table, &lacks);
            told.extend(lacks.iter().filter(|lack| lack.reads()).map(|lack| (&table.name, lack.need.role)));
        }
        taken.iter().for_each(|lack| bury(cx, table, lack, &mut dead));
    }
    // a missing SELECT for the table's own policies is reported there
    for gap in &mut gaps {
        if let [RequiredObject::Relation(name)] = gap.objects.as_slice() {
            gap.roles.retain(|role| !told.contains(&(name, *role)));
        }
    }
    let gaps = merged(gaps.into_iter().filter(|gap| !gap.roles.is_empty()));
    gaps.iter().for_each(|gap| report_objects(cx, gap));
    dead.iter().for_each(|dead| refused(cx, dead));
}

fn lack<'n, 'a>(held: &Held, table: &Table, need: &'n Need<'a>) -> Option<Lack<'n, 'a>> {
    let lacking = need.required.without(held.relation(need.role, &table.name));
    let commands = lacking.meet(need.allowed_by_policy);
    // a policy for the service role is often FOR ALL, although the GRANT contains only what server code needs
    if need.role == SERVICE && commands != need.allowed_by_policy {
        return None;
    }
    let sequences = need.sequences.iter().filter(|(name, _)| !held.sequence(need.role, name)).collect();
    let lack = Lack { need, commands, blind: lacking != commands, sequences, schema: !held.schema(need.role, &table.name.schema) };
    (!lacking.is_empty() || lack.schema || !lack.sequences.is_empty()).then_some(lack)
}

/// Returns the REVOKE that removed all missing privileges of the role on this table.
fn taken(table: &Table, lack: &Lack) -> Option<Site> {
    let revoke = table.acl.revokes.iter().find(|revoke| revoke.grantee == lack.need.role)?;
    let lacking = if lack.reads() { lack.commands | Privileges::SELECT } else { lack.commands };
    (!lacking.is_empty() && revoke.privileges.contains(lacking)).then_some(revoke.at)
}

fn ungranted(cx: &mut Cx, table: &Table, lacks: &[Lack]) {
    let name = &table.name;
    let roles: Vec<&str> = lacks.iter().map(|lack| lack.need.role).collect();
    let of = |choose: fn(&Lack) -> bool| lacks.iter().filter(move |lack| choose(lack));
    let told = |lacks: &[&Lack]| list(&lacks.iter().map(|lack| format!("`{}`", lack.need.role)).collect::<Vec<_>>(), "and");
    let without: Vec<&Lack> = of(|lack| !lack.commands.is_empty()).collect();
    let blind: Vec<&Lack> = of(|lack| lack.blind).collect();
    let outside: Vec<&Lack> = of(|lack| lack.schema).collect();
    let message = if !without.is_empty() {
        let each: Vec<String> = without.iter().map(|lack| format!("`{}` ({})", lack.need.role, words(lack.commands).join(", "))).collect();
        format!(
            "`{name}` has policies for {}, but these privileges are not granted: requests fail with 42501 (permission denied) before a policy applies",
            list(&each, "and")
        )
    } else if !outside.is_empty() {
        format!("{} cannot use schema `{}`: requests for `{name}` fail with 42501 (permission denied)", told(&outside), name.schema)
    } else if !blind.is_empty() {
        let writes = words(blind[0].need.allowed_by_policy.meet(Privileges::UPDATE | Privileges::DELETE));
        format!(
            "{} can {} but not SELECT on `{name}`, and no policy allows SELECT: requests with a WHERE clause fail with 42501 (permission denied)",
            told(&blind),
            list(&writes, "and")
        )
    } else {
        let starved: Vec<&Lack> = lacks.iter().collect();
        let (sequence, column) = lacks[0].sequences[0];
        format!(
            "{} can INSERT into `{name}` but cannot use `{sequence}`, the sequence of `{column}`: INSERT fails with 42501 (permission denied)",
            told(&starved)
        )
    };
    let whole = lacks.iter().any(|lack| lack.schema || lack.commands == lack.need.allowed_by_policy);
    let first = table.policies.iter().find(|policy| roles.iter().any(|role| cx.concerns(policy, role)));
    let certain = !cx.may_have_been_granted(table)
        && table.policies.iter().all(|policy| policy.certainty == Certainty::Certain && !cx.may_have_changed(policy));
    let steps = steps(cx, table, lacks);
    let draft = cx.report(table, table.named, message);
    draft
        .label("these roles lack privileges")
        .severity(if whole { Severity::Error } else { Severity::Warn })
        .given(table.rls.certainty)
        .given(if certain { Certainty::Certain } else { Certainty::Maybe })
        .help("Grant each role the commands that its policies allow. Also grant `service_role` what server code needs, because it bypasses policies but not privileges.")
        .fix(Safety::Review, format!("Grant the privileges for the policies of `{name}`"), steps);
    if let Some(policy) = first {
        draft.because(policy.named, "this policy never applies");
    }
}

fn steps(cx: &Cx, table: &Table, lacks: &[Lack]) -> Vec<Step> {
    let name = &table.name;
    let mut out: Vec<(String, String, Vec<&str>)> = Vec::new();
    let mut add = |what: String, on: String, role: &'static str| match out.iter_mut().find(|known| known.0 == what && known.1 == on) {
        Some(known) => known.2.push(role),
        None => out.push((what, on, vec![role])),
    };
    for lack in lacks {
        let role = lack.need.role;
        if lack.schema {
            add("usage".into(), format!("schema {}", quote_ident(&name.schema)), role);
        }
        let select = if lack.blind { Privileges::SELECT } else { Privileges::NONE };
        let commands = words(lack.commands | select);
        if !commands.is_empty() {
            add(commands.join(", ").to_lowercase(), format!("table {}", name.quoted()), role);
        }
        for (sequence, _) in &lack.sequences {
            add("usage".into(), format!("sequence {}", sequence.quoted()), role);
        }
    }
    let writes = |policy: &&Policy| matches!(policy.command, Command::Update | Command::Delete);
    let blind = lacks.iter().any(|lack| lack.blind);
    let policy = table.policies.iter().filter(writes).find(|_| blind).and_then(|policy| reading_too(cx, table, policy));
    out.into_iter().map(|(what, on, roles)| grant::grant(&what, &on, &roles)).chain(policy).collect()
}

/// Collects the policies that allow only revoked privileges.
fn bury<'a>(cx: &Cx, table: &'a Table, lack: &Lack, all: &mut Vec<Dead<'a>>) {
    let Some(revoked) = taken(table, lack) else { return };
    let role = lack.need.role;
    for policy in &table.policies {
        // a policy without TO may be for other roles
        let named = policy.roles.iter().any(|name| name == role) || role == "authenticated";
        let invited = COMMANDS.into_iter().filter(|(command, ..)| is_invited(cx, policy, role, *command));
        let privileges = invited.fold(Privileges::NONE, |all, (_, privilege, _)| all | privilege);
        if !named || privileges.is_empty() || !lack.commands.contains(privileges) {
            continue;
        }
        match all.iter_mut().find(|dead| dead.role == role && dead.revoked == revoked) {
            Some(dead) => dead.policies.push((table, policy, privileges)),
            None => all.push(Dead { role, revoked, policies: vec![(table, policy, privileges)] }),
        }
    }
}

fn refused(cx: &mut Cx, dead: &Dead) {
    let Dead { role, revoked, policies } = dead;
    let help = format!("Drop the policies that `{role}` does not need, or grant the privileges again.");
    for (table, policy, privileges) in policies {
        let message = format!(
            "policy \"{}\" is for `{role}`, but {} on `{}` was revoked: the policy never applies to that role",
            policy.name,
            list(&words(*privileges), "and"),
            table.name
        );
        cx.report((*table, *policy), policy.named, message)
            .severity(Severity::Info)
            .discriminate(role)
            .because(*revoked, "revoked here")
            .cause(
                format!("revoked {role}"),
                format!("policy never applies to `{role}`, because the privileges of this role were revoked"),
                format!("policies never apply to `{role}`, because the privileges of this role were revoked"),
            )
            .help(help.clone());
    }
}

fn gather<'a>(held: &Held, table: &'a Table, need: &Need<'a>, gaps: &mut Vec<Gap<'a>>) {
    for (object, policy) in need.objects.iter().filter(|(object, _)| !held.object(need.role, object)) {
        let unaddressed = need.role == "anon" && !policy.roles.iter().any(|name| name == "anon");
        let gap = match gaps.iter().position(|gap| gap.objects[0].is(object) && gap.unaddressed == unaddressed) {
            Some(at) => &mut gaps[at],
            None => {
                gaps.push(Gap { objects: vec![object.clone()], roles: Vec::new(), unaddressed, policies: Vec::new() });
                gaps.last_mut().expect("one was just pushed")
            }
        };
        if !gap.roles.contains(&need.role) {
            gap.roles.push(need.role);
        }
        if !gap.policies.iter().any(|(_, known)| known.at == policy.at) {
            gap.policies.push((table, policy));
        }
    }
}

/// Merges gaps that concern the same policies.
fn merged<'a>(gaps: impl Iterator<Item = Gap<'a>>) -> Vec<Gap<'a>> {
    let mut out: Vec<Gap> = Vec::new();
    for gap in gaps {
        let alike = |known: &&mut Gap| {
            let policies = known.policies.iter().map(|(_, policy)| policy.at).eq(gap.policies.iter().map(|(_, policy)| policy.at));
            let kind = matches!(known.objects[0], RequiredObject::Relation(_)) == matches!(gap.objects[0], RequiredObject::Relation(_));
            policies && kind && known.roles == gap.roles && known.unaddressed == gap.unaddressed
        };
        match out.iter_mut().find(alike) {
            Some(known) => known.objects.extend(gap.objects),
            None => out.push(gap),
        }
    }
    out
}

fn report_objects(cx: &mut Cx, gap: &Gap) {
    let quoted = |names: &[String]| list(&names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>(), "and");
    let roles = quoted(&gap.roles.iter().map(|role| role.to_string()).collect::<Vec<_>>());
    let names: Vec<String> = gap.objects.iter().map(RequiredObject::name).collect();
    let (verb, verbs, what) = match gap.objects[0] {
        RequiredObject::Function(_) => ("calls", "call", format!("{}, which {roles} cannot execute", quoted(&names))),
        RequiredObject::Relation(_) => ("reads", "read", format!("{}, which {roles} cannot SELECT from", quoted(&names))),
    };
    let revoked = gap.objects.iter().find_map(|object| revoked(cx, object, &gap.roles));
    let (help, title, steps) = cure(cx, gap);
    for (at, (table, policy)) in gap.policies.iter().copied().enumerate() {
        let place = format!("policy \"{}\" on `{}`", policy.name, table.name);
        let message = match gap.unaddressed {
            true => format!(
                "{place} has no TO, so it also applies to `anon`, and {verb} {what}: requests of `anon` fail with 42501 (permission denied)"
            ),
            false => format!("{place} {verb} {what}: requests fail with 42501 (permission denied)"),
        };
        // change one policy, or grant what all policies need
        let own = if gap.unaddressed { vec![steps[at].clone()] } else { steps.clone() };
        let changed = cx.may_have_changed(policy);
        let draft = cx.report((table, policy), policy.named, message);
        draft.discriminate(names.join(" ")).given(table.certainty).help(help).fix(Safety::Review, title, own);
        draft.cause(
            format!("{} {} {}", gap.unaddressed, names.join(" "), gap.roles.join(" ")),
            format!("policy {verb} {what}"),
            format!("policies {verbs} {what}"),
        );
        if changed {
            draft.unsure();
        }
        if gap.unaddressed {
            draft.severity(Severity::Warn);
        }
        if let Some(revoked) = revoked {
            draft.because(revoked, "revoked here");
        }
    }
}

/// Returns the REVOKE that removed access to an object of a policy from one of the roles.
fn revoked(cx: &Cx, object: &RequiredObject, roles: &[&'static str]) -> Option<Site> {
    match object {
        RequiredObject::Function(function) => {
            roles.iter().chain(&["public"]).find_map(|role| function.acl.revoked(role, Privileges::EXECUTE))
        }
        RequiredObject::Relation(name) => {
            let table = cx.catalog.table(name)?;
            roles.iter().find_map(|role| table.acl.revoked(role, Privileges::SELECT))
        }
    }
}

/// Returns the help, the title of the fix, and the steps of the fix. The steps are empty if no fix covers everything.
fn cure(cx: &Cx, gap: &Gap) -> (&'static str, &'static str, Vec<Step>) {
    const TITLE: &str = "Grant what the policies use";
    if gap.unaddressed {
        let step = |(table, policy): &(&Table, &Policy)| {
            let head = format!("alter policy {} on {}", quote_ident(&policy.name), table.name.quoted());
            Step::batch(Phase::Policy, format!("{head} to authenticated;")).undo(format!("{head} to public;"))
        };
        let help = "Name the role of the policy: `to authenticated`.";
        return (help, "Restrict the policies to `authenticated`", gap.policies.iter().map(step).collect());
    }
    let grants: Option<Vec<Step>> = gap.objects.iter().map(|object| grant(cx, object, &gap.roles)).collect();
    let help = match (&gap.objects[0], &grants) {
        (RequiredObject::Function(_), _) => {
            "Grant EXECUTE to the roles of the policy. A policy calls functions with the privileges of the role that runs the query."
        }
        (RequiredObject::Relation(_), Some(_)) => {
            "Grant SELECT to the roles of the policy. A policy reads tables with the privileges of the role that runs the query."
        }
        (RequiredObject::Relation(name), None) if name.is("auth", "users") => {
            "Use `auth.jwt()`, which contains the e-mail and metadata of the caller, or a SECURITY DEFINER function. API roles cannot be granted access to `auth.users`."
        }
        (RequiredObject::Relation(_), None) => {
            "Read the table in a SECURITY DEFINER function. The policy itself reads with the privileges of the role that runs the query."
        }
    };
    (help, TITLE, grants.unwrap_or_default())
}

fn grant(cx: &Cx, object: &RequiredObject, roles: &[&'static str]) -> Option<Step> {
    match object {
        RequiredObject::Function(function) => Some(grant::grant("execute", &format!("function {}", function.quoted()), roles)),
        RequiredObject::Relation(name) => {
            let table = cx.catalog.table(name).filter(|table| table.rls.value && can_have_rls(table) && !table.created.is_platform())?;
            // without a policy for reading, the privilege would only replace the error by an empty result
            let readable = roles.iter().all(|role| !cx.applicable(table, role, Command::Select).0.is_empty());
            readable.then(|| grant::grant("select", &format!("table {}", table.name.quoted()), roles))
        }
    }
}
