//! VOLATILE functions that policies call and that only read.

use crate::analysis::calls::Calls;
use crate::rules::prelude::*;

rule!("rls/volatile-function", Performance, Info, Schema(check), fixable);

/// Functions whose result changes within a statement, or that have effects.
const VOLATILE: [&str; 16] = [
    "random",
    "gen_random_uuid",
    "uuid_generate_v4",
    "clock_timestamp",
    "timeofday",
    "nextval",
    "setval",
    "currval",
    "lastval",
    "set_config",
    "pg_notify",
    "pg_sleep",
    "pg_advisory_lock",
    "pg_advisory_xact_lock",
    "dblink",
    "http_get",
];

fn check(cx: &mut Cx) {
    let state = **cx;
    let calls = Calls::of(&state);
    for function in state.user_functions().filter(|function| function.volatility == Volatility::Volatile) {
        let policies = calls.policies(function);
        if let Some((table, policy)) = policies.first()
            && only_reads(&state, function, 4)
        {
            let others = policies.len() - 1;
            let more = if others == 0 { " calls it".to_string() } else { format!(" and {others} more call it") };
            let name = function.display();
            let message = format!(
                "`{name}` is VOLATILE although it only reads, and policy \"{}\" on `{}`{more}: PostgreSQL cannot use its result to search an index",
                policy.name, table.name
            );
            let quoted = function.quoted();
            let step =
                Step::batch(Phase::Function, format!("alter function {quoted} stable;")).undo(format!("alter function {quoted} volatile;"));
            cx.report(function, function.named, message)
                .label("VOLATILE is the default")
                .because(policy.named, "policy that calls the function")
                .help("Declare the function STABLE: it returns the same result for the same arguments within a statement.")
                .fix(Safety::Review, format!("Declare `{name}` STABLE"), [step])
                .check("Check that the function does not have to see changes of the statement that calls it.");
        }
    }
}

/// Returns whether the whole body is known and neither writes nor calls a volatile function.
fn only_reads(cx: &State, function: &Function, depth: usize) -> bool {
    depth > 0
        && function.kind == RoutineKind::Function
        && cx.is_read_whole(function)
        && cx.code_of(function).all(|(_, code)| {
            let mut reads = matches!(code, Code::Query(_) | Code::Expr(_) | Code::Data(Data::Query(_)));
            code.each_data(&mut |data| reads &= matches!(data, Data::Query(_)));
            code.walk(&mut |node| {
                match node {
                    Node::Expr(Expr { kind: ExprKind::Call(call), .. }) => reads &= is_stable(cx, call, depth),
                    Node::Query(query) => reads &= !query.locks,
                    Node::Expr(_) | Node::From(_) => {}
                }
                Walk::Into
            });
            reads
        })
}

fn is_stable(cx: &State, call: &Call, depth: usize) -> bool {
    if VOLATILE.contains(&call.name.last()) {
        return false;
    }
    let own: Vec<&Function> = cx.catalog.callable(&call.name, call.args.len());
    own.into_iter()
        .filter(|function| !function.at.is_platform() && !function.of_extension)
        .all(|function| function.volatility != Volatility::Volatile || only_reads(cx, function, depth - 1))
}
