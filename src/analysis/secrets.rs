//! Keys and passwords in the text of migrations, also in comments, because everyone who can read the repository can read them.
//!
//! Promises: keys of the local development stack of Supabase, which are public, and placeholders are not secrets. Limits: only formats
//! that are recognised without doubt, by a prefix or by the keyword before a literal.

use crate::source::{FileId, Site, Span};
use crate::syntax::lexer::{Token, TokenKind, dollar_tag, quote_at, tokens_in};
use serde_json::Value;

/// The kind of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A JSON Web Token with the role `service_role`, or a secret API key of Supabase.
    ServiceRole,
    /// A JSON Web Token with the role `anon`, which is public.
    Anon,
    /// Another JSON Web Token.
    Token,
    /// An API key of another service, by name of the service.
    ApiKey(&'static str),
    PrivateKey,
    /// A password of a role, a user mapping or a connection string.
    Password,
}

/// A secret in a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    pub kind: Kind,
    pub at: Site,
    /// Name of the role or server whose password it is.
    pub object: Option<String>,
    /// The secret itself, which no output may show or contain in another form, such as a hash.
    pub text: String,
}

impl Secret {
    /// Returns what may be shown: the public beginning of a key, and nothing of a password.
    pub fn masked(&self) -> String {
        let prefix = match self.kind {
            Kind::Password => 0,
            Kind::PrivateKey => self.text.find('\n').unwrap_or(0),
            Kind::ServiceRole | Kind::Anon | Kind::Token if self.text.starts_with("eyJ") => 3,
            _ => PREFIXES.iter().find(|(prefix, ..)| self.text.starts_with(prefix)).map_or(0, |(prefix, ..)| prefix.len()),
        };
        format!("{}…", self.text[..prefix].trim_end())
    }
}

/// Prefixes of keys, with the kind and the least number of characters behind the prefix.
/// Sources: GitHub's documentation, "Supported secret scanning patterns", and the documentation of each service.
const PREFIXES: [(&str, Kind, usize); 17] = [
    ("sb_secret_", Kind::ServiceRole, 20),
    ("sbp_", Kind::ApiKey("Supabase's management API"), 40),
    ("sk_live_", Kind::ApiKey("Stripe"), 20),
    ("rk_live_", Kind::ApiKey("Stripe"), 20),
    ("whsec_", Kind::ApiKey("a webhook"), 24),
    ("sk-ant-", Kind::ApiKey("Anthropic"), 40),
    ("sk-proj-", Kind::ApiKey("OpenAI"), 40),
    ("AKIA", Kind::ApiKey("AWS"), 16),
    ("AIza", Kind::ApiKey("Google"), 35),
    ("ghp_", Kind::ApiKey("GitHub"), 36),
    ("gho_", Kind::ApiKey("GitHub"), 36),
    ("github_pat_", Kind::ApiKey("GitHub"), 50),
    ("glpat-", Kind::ApiKey("GitLab"), 20),
    ("xoxb-", Kind::ApiKey("Slack"), 40),
    ("xoxp-", Kind::ApiKey("Slack"), 40),
    ("SG.", Kind::ApiKey("SendGrid"), 60),
    ("npm_", Kind::ApiKey("npm"), 36),
];

/// Beginnings of statements that contain passwords.
const LOGINS: [&str; 6] = ["create role", "alter role", "create user", "alter user", "create server", "alter server"];

/// The secret key of the local development stack, which each installation of the CLI has.
const LOCAL: &str = "sb_secret_N7UND0UgjKTVK-Uodkm0Hg_xSvEMPvz";

/// Returns the secrets in a part of a file, in the order of the text.
pub fn find(file: FileId, text: &str, span: Span) -> Vec<Secret> {
    let part = span.of(text);
    let mut found: Vec<(usize, usize, Kind)> = Vec::new();
    prefixed(part, &mut found);
    web_tokens(part, &mut found);
    private_keys(part, &mut found);
    connections(part, &mut found);
    let site = |start: usize, end: usize| Site::new(file, Span::new(span.start + start as u32, span.start + end as u32));
    let mut secrets: Vec<Secret> = found
        .into_iter()
        .map(|(start, end, kind)| Secret { kind, at: site(start, end), object: None, text: part[start..end].to_string() })
        .collect();
    if contains(part, "password") && LOGINS.iter().any(|statement| contains(part, statement)) {
        passwords(file, text, span, &mut secrets);
    }
    secrets.sort_by_key(|secret| secret.at);
    secrets.dedup_by_key(|secret| secret.at.span.start);
    secrets
}

fn contains(text: &str, word: &str) -> bool {
    text.as_bytes().windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// Returns the end of the run of key characters.
fn run_end(text: &str, start: usize, is_part: impl Fn(u8) -> bool) -> usize {
    text.as_bytes()[start..].iter().position(|byte| !is_part(*byte)).map_or(text.len(), |at| start + at)
}

fn starts_word(text: &str, at: usize) -> bool {
    at == 0 || !is_key_byte(text.as_bytes()[at - 1])
}

fn prefixed(text: &str, found: &mut Vec<(usize, usize, Kind)>) {
    for (prefix, kind, least) in PREFIXES {
        for (at, _) in text.match_indices(prefix).filter(|(at, _)| starts_word(text, *at)) {
            let end = run_end(text, at + prefix.len(), |byte| is_key_byte(byte) || byte == b'.' && prefix == "SG.");
            let (key, rest) = (&text[at..end], &text[at + prefix.len()..end]);
            if rest.len() >= least && key != LOCAL && !is_placeholder(key) && has_digit_or_case(rest) {
                found.push((at, end, kind));
            }
        }
    }
}

/// Whether a text looks random: words that people write have no digits and one case.
fn has_digit_or_case(text: &str) -> bool {
    let is = |test: fn(&u8) -> bool| text.as_bytes().iter().any(test);
    is(u8::is_ascii_digit) || is(u8::is_ascii_lowercase) && is(u8::is_ascii_uppercase)
}

fn web_tokens(text: &str, found: &mut Vec<(usize, usize, Kind)>) {
    for (at, _) in text.match_indices("eyJ").filter(|(at, _)| starts_word(text, *at) && !text[..*at].ends_with('.')) {
        let end = run_end(text, at, |byte| is_key_byte(byte) || byte == b'.');
        let parts: Vec<&str> = text[at..end].trim_end_matches('.').split('.').collect();
        let [header, payload, signature] = parts.as_slice() else { continue };
        if signature.len() < 20 || decoded(header).is_none_or(|header| header.get("alg").is_none()) {
            continue;
        }
        let Some(payload) = decoded(payload) else { continue };
        let is = |key: &str, value: &str| payload.get(key).and_then(Value::as_str) == Some(value);
        if is("iss", "supabase-demo") {
            continue;
        }
        let kind = match () {
            () if is("role", "service_role") => Kind::ServiceRole,
            () if is("role", "anon") => Kind::Anon,
            () => Kind::Token,
        };
        let len = parts.iter().map(|part| part.len() + 1).sum::<usize>() - 1;
        found.push((at, at + len, kind));
    }
}

/// Decodes base64url without padding that contains a JSON object.
fn decoded(text: &str) -> Option<Value> {
    let mut bytes = Vec::with_capacity(text.len());
    let (mut buffer, mut bits) = (0u32, 0u32);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        buffer = buffer << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits & 0xff) as u8);
        }
    }
    serde_json::from_slice(&bytes).ok().filter(Value::is_object)
}

fn private_keys(text: &str, found: &mut Vec<(usize, usize, Kind)>) {
    for (at, _) in text.match_indices("-----BEGIN ") {
        let rest = &text[at..];
        let is_private = rest.lines().next().is_some_and(|line| line.contains("PRIVATE KEY-----"));
        let end = rest.find("-----END ").map_or(0, |end| at + end);
        if is_private && end > at && end - at > 200 {
            found.push((at, end, Kind::PrivateKey));
        }
    }
}

/// Finds passwords in connection strings such as `postgresql://user:password@host/database`.
fn connections(text: &str, found: &mut Vec<(usize, usize, Kind)>) {
    for (at, scheme) in ["postgres://", "postgresql://"].into_iter().flat_map(|scheme| text.match_indices(scheme)) {
        let start = at + scheme.len();
        let end = run_end(text, start, |byte| !byte.is_ascii_whitespace() && !matches!(byte, b'\'' | b'"' | b'`' | b'/'));
        let Some((user, host)) = text[start..end].rsplit_once('@') else { continue };
        let Some((user, password)) = user.split_once(':') else { continue };
        let local = ["localhost", "127.0.0.1", "db:", "host", "kong"].iter().any(|local| host.starts_with(local));
        if !local && !is_placeholder(password) {
            let start = start + user.len() + 1;
            found.push((start, start + password.len(), Kind::Password));
        }
    }
}

/// Finds the literals behind PASSWORD in statements about roles and user mappings, also in the bodies of DO blocks and functions.
fn passwords(file: FileId, text: &str, span: Span, secrets: &mut Vec<Secret>) {
    let tokens = tokens_in(text, span);
    let is_word = |token: &Token, words: &[&str]| {
        token.kind == TokenKind::Word && words.iter().any(|word| token.text(text).eq_ignore_ascii_case(word))
    };
    for statement in tokens.split(|token| token.kind == TokenKind::Semicolon) {
        let about_login = statement.windows(2).any(|pair| {
            is_word(&pair[0], &["create", "alter"]) && is_word(&pair[1], &["role", "user", "server"])
                || is_word(&pair[0], &["user"]) && is_word(&pair[1], &["mapping"])
        });
        for pair in statement.windows(2) {
            let literal = pair[1];
            if about_login && is_word(&pair[0], &["password"]) && matches!(literal.kind, TokenKind::String | TokenKind::EscapeString) {
                let quote = literal.start + quote_at(literal.text(text)) as u32;
                let inside = Span::new(quote + 1, (literal.end - 1).max(quote + 1));
                if !is_placeholder(inside.of(text)) {
                    let object = login_object(statement, text);
                    secrets.push(Secret { kind: Kind::Password, at: Site::new(file, inside), object, text: inside.of(text).to_string() });
                }
            }
        }
    }
    for token in tokens.iter().filter(|token| token.kind == TokenKind::DollarString) {
        let tag = dollar_tag(token.text(text)).len() as u32;
        if token.end - token.start > 2 * tag {
            passwords(file, text, Span::new(token.start + tag, token.end - tag), secrets);
        }
    }
}

/// Returns the name of the role, or of the server of a user mapping.
fn login_object(statement: &[Token], text: &str) -> Option<String> {
    let words: Vec<&str> = statement.iter().map(|token| token.text(text)).collect();
    let is = |word: &str, names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
    let behind = |names: &[&str]| words.iter().position(|word| is(word, names)).and_then(|at| words.get(at + 1));
    let object = behind(&["role", "user"]).filter(|word| !is(word, &["mapping"])).or_else(|| behind(&["server"]))?;
    Some(object.trim_matches('"').to_string())
}

/// Whether a text stands for a value that somebody has to fill in, or is a value that everyone knows.
fn is_placeholder(text: &str) -> bool {
    const WORDS: [&str; 15] =
        ["your", "example", "placeholder", "change", "replace", "xxx", "***", "...", "dummy", "redacted", "todo", "<", "{", "[", "$"];
    const KNOWN: [&str; 6] = ["postgres", "password", "secret", "test", "admin", "root"];
    let text = text.trim().to_ascii_lowercase();
    text.len() < 4
        || KNOWN.contains(&text.as_str())
        || text.starts_with('%')
        || text.starts_with(':')
        || WORDS.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(Kind, String)> {
        let found = find(FileId(1), text, Span::new(0, text.len() as u32));
        assert!(found.iter().all(|secret| !secret.masked().contains(&secret.text)));
        found.into_iter().map(|secret| (secret.kind, secret.masked())).collect()
    }

    /// A token with this payload, whose signature is made up.
    fn token(payload: &str) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let encoded = |text: &str| {
            let mut out = String::new();
            for chunk in text.as_bytes().chunks(3) {
                let word = (0..3).fold(0u32, |word, at| word << 8 | u32::from(chunk.get(at).copied().unwrap_or(0)));
                (0..=chunk.len()).for_each(|at| out.push(char::from(LETTERS[(word >> (18 - 6 * at) & 63) as usize])));
            }
            out
        };
        format!("{}.{}.{}", encoded("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"), encoded(payload), "c2lnbmF0dXJl".repeat(3))
    }

    #[test]
    fn tokens_are_told_by_their_role() {
        let service = token("{\"iss\":\"supabase\",\"role\":\"service_role\"}");
        let text = format!("select net.http_post(headers := '{{\"Authorization\": \"Bearer {service}\"}}');");
        assert_eq!(kinds(&text), [(Kind::ServiceRole, "eyJ…".to_string())]);
        assert_eq!(kinds(&format!("-- {}", token("{\"role\":\"anon\"}"))), [(Kind::Anon, "eyJ…".to_string())]);
        assert_eq!(kinds(&token("{\"sub\":\"1\"}")), [(Kind::Token, "eyJ…".to_string())]);
        assert_eq!(kinds(&token("{\"iss\":\"supabase-demo\",\"role\":\"service_role\"}")), []);
        assert_eq!(kinds("select 'eyJhbGciOiJIUzI1NiJ9.eyJ...'"), []);
    }

    #[test]
    fn keys_are_told_by_their_prefix() {
        let key = format!("select 'sk_live_{}'", "a1B2c3D4e5F6g7H8i9J0k1");
        assert_eq!(kinds(&key), [(Kind::ApiKey("Stripe"), "sk_live_…".to_string())]);
        assert_eq!(kinds("select 'whsec_' || x, 'sk_live_your_key_goes_here_0000', 'sb_secret_...'"), []);
        assert_eq!(kinds(&format!("select '{LOCAL}'")), []);
    }

    #[test]
    fn passwords_are_told_by_their_statement() {
        let found = |sql: &str| kinds(sql).len();
        assert_eq!(
            kinds("create user mapping for postgres server s options (user 'u', password 'hunter2!x');"),
            [(Kind::Password, "…".into())]
        );
        assert_eq!(found("do $$ begin create role app login password 's3cr3t-one'; end $$;"), 1);
        assert_eq!(found("create role app login password '<password>'; create role b password 'postgres';"), 0);
        assert_eq!(found("insert into t (password) values ('hunter2!x'); comment on column t.password is 'hunter2!x';"), 0);
        assert_eq!(found("select dblink_connect('postgresql://app:hunter2!x@db.acme.io:5432/app')"), 1);
        assert_eq!(found("-- psql \"postgresql://postgres:[password]@[host]:5432/postgres\""), 0);
    }
}
