//! Keys and passwords in migrations.

use crate::analysis::secrets::{Kind, Secret};
use crate::rules::prelude::*;

rule!("access/secret-in-migration", Security, Error, Schema(check));

fn check(cx: &mut Cx) {
    let secrets = cx.secrets();
    for (at, secret) in secrets.iter().enumerate() {
        let same_file = || secrets[..at].iter().filter(|known| known.at.file == secret.at.file);
        if same_file().any(|known| known.text == secret.text) {
            continue;
        }
        let ordinal = same_file().filter(|known| known.kind == secret.kind && known.object == secret.object).count();
        report(cx, secret, ordinal);
    }
}

/// Reports a secret. Its identity is the file, the kind, the object and the number of the secret among those of the file, because a password
/// can be guessed from a hash.
fn report(cx: &mut Cx, secret: &Secret, ordinal: usize) {
    let shown = secret.masked();
    let (what, noun, ability) = match secret.kind {
        Kind::ServiceRole => (format!("`{shown}` is a service role key"), "service role key", "can bypass row level security"),
        Kind::Anon => (format!("`{shown}` is an anon key"), "anon key", ""),
        Kind::Token => (format!("`{shown}` is a JSON Web Token"), "JSON Web Token", "can use it until it expires"),
        Kind::ApiKey(service) => (format!("`{shown}` is a key of {service}"), "API key", "can use the service in your name"),
        Kind::PrivateKey => ("this is a private key".to_string(), "private key", "can sign and decrypt with it"),
        Kind::Password => ("this is a password".to_string(), "password", "can log in with it"),
    };
    let severity = if secret.kind == Kind::Anon { Severity::Info } else { Severity::Error };
    let help = match secret.kind {
        Kind::Anon => "Read it from Vault, so that each environment has its own key and a rotated key needs no migration.".to_string(),
        _ => format!(
            "Rotate the {noun} first, because the history of the repository keeps it. Then read the new one from Vault: `(select decrypted_secret from vault.decrypted_secrets where name = '…')`."
        ),
    };
    let file = cx.name_of(secret.at.file);
    let message = match secret.kind {
        Kind::Anon => format!("{what}, which is public, but the migration works only in the project of that key"),
        _ => format!("{what}: everyone who can read the repository {ability}"),
    };
    cx.report(About::migration(file), secret.at, message)
        .severity(severity)
        .label(noun)
        .discriminate(format!("{:?}", secret.kind))
        .discriminate(secret.object.as_deref().unwrap_or_default())
        .discriminate(ordinal.to_string())
        .cause(noun, format!("{noun} is in a migration"), format!("{noun}s are in migrations"))
        .help(help);
}
