//! Keys and passwords in migrations.

use crate::analysis::secrets::{Kind, Secret};
use crate::rules::prelude::*;

rule!("access/secret-in-migration", Security, Error, Schema(check));

fn check(cx: &mut Cx) {
    for secret in cx.secrets() {
        report(cx, secret);
    }
}

fn report(cx: &mut Cx, secret: &Secret) {
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
    let digest = secret.digest();
    let file = cx.name_of(secret.at.file);
    let message = match secret.kind {
        Kind::Anon => format!("{what}, which is public, but the migration works only in the project of that key"),
        _ => format!("{what}: everyone who can read the repository {ability}"),
    };
    cx.report(About::migration(file), secret.at, message)
        .severity(severity)
        .label(noun)
        .discriminate(&digest)
        .cause(digest, format!("migration contains one {noun}"), format!("migrations contain the same {noun}"))
        .help(help);
}
