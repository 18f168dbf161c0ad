//! Public buckets whose files clients can list, because of a broad SELECT policy on the files.

use crate::analysis::bucket_policies::{buckets_compared, objects};
use crate::analysis::open_policies::{openings, whose};
use crate::analysis::predicate::Outcomes;
use crate::analysis::state::policies_of;
use crate::rules::prelude::*;

rule!("rls/bucket-listing", Security, Warn, Schema(check));

fn check(cx: &mut Cx) {
    let Some(table) = objects(cx) else { return };
    let catalog = cx.catalog;
    for bucket in catalog.buckets.values().filter(|bucket| bucket.public == Some(true)) {
        let within = |expr: &Expr| buckets_compared(expr, table).map(|ids| ids.contains(&bucket.id.as_str())).filter(|found| *found);
        let known = |expr: &Expr| within(expr).map(|_| Outcomes::TRUE);
        let role = |policy: &Policy| -> Option<&'static str> {
            let opened = openings(cx, table, policy, &known);
            opened.into_iter().find(|opening| opening.effective && opening.command == Command::Select).map(|opening| opening.role)
        };
        let found: Vec<(&Policy, &str)> = policies_of(table).filter_map(|policy| Some((policy, role(policy)?))).collect();
        if let Some((policy, _)) = found.first() {
            let role = if found.iter().any(|(_, role)| *role == "anon") { "anon" } else { "authenticated" };
            let message = format!("policy \"{}\" lets {} list all files of the public bucket `{}`", policy.name, whose(role), bucket.id);
            // the advisor reads no other condition beside that of the bucket
            let advised = found
                .iter()
                .any(|(policy, _)| policy.using.as_ref().is_some_and(|using| using.root.is_true() || using.root.equality().is_some()));
            let draft = cx.report(About::bucket(bucket), policy.named, message);
            draft.because(bucket.at, "public bucket");
            for (other, _) in &found[1..] {
                draft.because(other.named, "this policy also allows it");
            }
            draft.help("Drop the policy, or compare the folder with the caller. Clients read files of a public bucket by URL, which needs no policy. `list`, `remove` and `upsert` need a SELECT policy for the caller's own files.");
            draft.cause(
                policy.name.to_string(),
                format!("public bucket can be listed because of policy \"{}\"", policy.name),
                format!("public buckets can be listed because of policy \"{}\"", policy.name),
            );
            if advised {
                draft.advisor("public_bucket_allows_listing", format!("public_bucket_allows_listing_{}", bucket.id));
            }
        }
    }
}
