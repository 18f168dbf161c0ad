//! What API roles may do with every row of a table.

use super::prelude::*;

/// Returns whether a table can have row level security and its state is known. That of an external table is unknown.
pub fn can_have_rls(table: &Table) -> bool {
    !table.external && table.kind != TableKind::Foreign
}

/// Returns a text that states which API roles can do what with every row, or `None` if no API role has access.
pub fn exposure(cx: &State, table: &Table) -> Option<String> {
    let verbs = |role: &str| {
        let verb = |privilege: Privileges| match privilege {
            Privileges::SELECT => "read",
            Privileges::INSERT => "insert",
            Privileges::UPDATE => "update",
            _ => "delete",
        };
        let held = COMMANDS.into_iter().filter(|(_, privilege, _)| cx.reachable(role, table, *privilege));
        held.map(|(_, privilege, _)| verb(privilege)).collect::<Vec<_>>()
    };
    let told = |who: &str, verbs: &[&str]| {
        let rows = if verbs == ["insert"] { "rows" } else { "every row" };
        match verbs {
            ["read", "insert", "update", "delete"] => format!("{who} can read and change every row"),
            ["read", "insert"] => format!("{who} can read every row and insert rows"),
            [rest @ .., last] if !rest.is_empty() => format!("{who} can {} and {last} {rows}", rest.join(", ")),
            _ => format!("{who} can {} {rows}", verbs.concat()),
        }
    };
    let (anyone, signed_in) = (verbs("anon"), verbs("authenticated"));
    let more: Vec<&str> = signed_in.into_iter().filter(|verb| !anyone.contains(verb)).collect();
    let parts = [("anyone who has the anon key", &anyone), ("every signed-in user", &more)];
    let parts: Vec<String> = parts.iter().filter(|(_, verbs)| !verbs.is_empty()).map(|(who, verbs)| told(who, verbs)).collect();
    (!parts.is_empty()).then(|| parts.join(", and "))
}

/// Names of columns that contain personal data or credentials, as Supabase's advisor lists them.
/// Source: splinter, lint 0023.
#[rustfmt::skip]
const SENSITIVE: [&str; 67] = [
    "2fa_code", "2fa_secret", "access_token", "account_number", "activation_key", "api_key", "apikey", "auth_code", "auth_key",
    "backup_code", "bank_account", "bearer_token", "bic", "card_number", "certificate", "credit_card", "cvc", "cvn", "cvv",
    "device_uuid", "driver_license", "drivers_license", "facial_recognition", "gpg_key", "health_insurance", "health_record", "iban",
    "imei", "insurance_number", "jwt", "license_key", "license_number", "mac_address", "macaddr", "medical_insurance", "medical_record",
    "national_id", "oauth_token", "otp", "passphrase", "passport_id", "passport_number", "passwd", "password", "patient_id", "pgp_key",
    "private_key", "pwd", "recovery_code", "refresh_token", "routing_number", "secret", "secret_key", "session_id", "session_key",
    "session_secret", "session_token", "social_security", "social_security_number", "ssh_key", "ssn", "swift_code", "tax_id", "token",
    "treatment", "two_factor", "verification_code",
];

/// Whether the name of a column says that it contains personal data or credentials.
pub fn is_sensitive(column: &str) -> bool {
    SENSITIVE.contains(&column.to_lowercase().replace('-', "_").as_str())
}
