//! SECURITY DEFINER functions that clients may call: what they access, and whether they check their caller.

use crate::analysis::identity_argument::{is_identity, takes_secret};
use crate::analysis::prelude::*;

/// The access of a function to rows.
#[derive(Default)]
pub struct Touches {
    /// The first table that the function reads or writes.
    pub rows: Option<QName>,
    /// The first table that the function writes.
    pub written: Option<QName>,
    pub writes: bool,
}

impl Touches {
    pub fn of(cx: &State, function: &Function) -> Touches {
        let mut out = Touches::default();
        for (origin, code) in cx.code_of(function) {
            code.each_data(&mut |data| {
                if !matches!(data, Data::Query(_)) {
                    out.writes = true;
                    out.written = out.written.take().or_else(|| origin.written(data));
                }
            });
            if let Code::Data(Data::Insert(insert)) = code {
                out.rows = out.rows.take().or_else(|| origin.named(&insert.table));
            }
            code.walk(&mut |node| {
                if let Node::From(item) = node
                    && out.rows.is_none()
                {
                    out.rows = origin.relation(item);
                }
                Walk::Into
            });
        }
        out
    }
}

/// Whether the body identifies its caller, or takes a secret that the caller has to know.
pub fn checks_caller(cx: &State, function: &Function) -> bool {
    cx.identity_helpers().identifies_caller(function) || takes_secret(function)
}

/// Returns the argument that identifies a person or a tenant, if a SECURITY DEFINER function uses it without checking its caller. If there
/// are both, it is the person.
pub fn trusted_argument<'f>(cx: &State, function: &'f Function, tenants: &[SmolStr]) -> Option<&'f Argument> {
    if !function.security_definer.value || checks_caller(cx, function) {
        return None;
    }
    let person = function.inputs().find(|argument| is_identity(cx, function, argument, &[]));
    person.or_else(|| function.inputs().find(|argument| is_identity(cx, function, argument, tenants)))
}
