//! A private PostgreSQL server for tests in a temporary folder, which is reached by a socket in that folder and not by network.
//!
//! Promises: each [`Database`] is new and has the state of a new Supabase project. The server and its folder are removed after the last
//! use, and also if the test process is killed. Limits: versions before 15 are rejected, because they do not support `security_invoker`. In
//! CI, a missing server is an error, because skipped tests must not look like successful ones.
//!
//! Roles belong to the server and not to a database, so the roles of a test are dropped with its database. Two tests that create the same
//! role must not run at the same time.

use postgres::{Client, Config, NoTls, SimpleQueryMessage};
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use supalint::syntax::split::Splitter;

/// First version with `security_invoker` for views.
const OLDEST: u32 = 15;
/// Template for new databases.
const START: &str = "start";

/// Script that creates a server, keeps it until its standard input is closed, and then removes it. The pipe is closed in any case when the
/// test process ends. The argument is the folder of PostgreSQL's programs. The script prints the folder of the socket, whose path is short
/// because PostgreSQL limits its length.
const SERVER_SCRIPT: &str = r#"
set -e
home=$(mktemp -d -t supalint-postgres.XXXXXX)
trap '"$1/pg_ctl" stop -D "$home/data" -m immediate >>"$home/log" 2>&1; rm -rf "$home"' EXIT
trap 'exit 1' INT TERM HUP
"$1/initdb" -D "$home/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$home/log" 2>&1 || { cat "$home/log" >&2; exit 1; }
cat >>"$home/data/postgresql.conf" <<END
listen_addresses = ''
unix_socket_directories = '$home'
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
shared_buffers = 32MB
autovacuum = off
jit = off
timezone = 'UTC'
lc_messages = 'C'
statement_timeout = '60s'
END
"$1/pg_ctl" start -w -D "$home/data" -l "$home/log" >>"$home/log" || { cat "$home/log" >&2; exit 1; }
echo "$home"
read -r _ || true
"#;

pub struct Server {
    keeper: Child,
    folder: PathBuf,
    /// Connection that creates and drops databases, or `None` until the server is running.
    keys: Option<Mutex<Client>>,
    /// Roles that exist at the start.
    roles: Vec<String>,
    made: AtomicU32,
}

/// Prints a line that is visible in passing tests, because the test harness captures only the output of print macros.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

impl Server {
    /// Returns the server that all tests of a process share, or `None` with a message if PostgreSQL is missing, which fails in CI.
    pub fn shared() -> Option<Arc<Server>> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let Some(programs) = programs() else {
            let missing = format!("no initdb of PostgreSQL {OLDEST} or later on PATH or in /usr/lib/postgresql/*/bin");
            assert!(!std::env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1"), "{missing}, and CI is set");
            say(&format!("SKIPPED: {missing}; nothing is compared with a real server"));
            return None;
        };
        let server = Arc::new(Server::start(&programs));
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    fn start(programs: &Path) -> Server {
        let mut command = match is_root() {
            // PostgreSQL refuses to run as root; its package creates a user
            true => Command::new("runuser"),
            false => Command::new("sh"),
        };
        if is_root() {
            command.args(["-u", "postgres", "--", "sh"]);
        }
        command.args(["-c", SERVER_SCRIPT, "sh"]).arg(programs).current_dir("/");
        let mut keeper = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell can be started");
        let mut folder = String::new();
        let told = BufReader::new(keeper.stdout.take().expect("piped")).read_line(&mut folder);
        assert!(told.is_ok_and(|bytes| bytes > 1), "PostgreSQL in {} does not start", programs.display());
        let folder = PathBuf::from(folder.trim_end());
        let mut server = Server { keeper, folder, keys: None, roles: Vec::new(), made: AtomicU32::new(0) };
        server.keys = Some(Mutex::new(server.connect("postgres")));
        server.make_start();
        server
    }

    /// Creates the template database with the initial schema of a Supabase project.
    fn make_start(&mut self) {
        self.run(&format!("create database {START} template template0"));
        let mut client = self.connect(START);
        for raw in Splitter::new(supalint::platform::SUPABASE) {
            let statement = raw.span().of(supalint::platform::SUPABASE);
            if let Err(error) = client.batch_execute(statement) {
                panic!("the platform's start does not run on PostgreSQL: {}\n{statement}", Refusal::from(error));
            }
        }
        self.roles = self.roles();
    }

    /// Creates a database with the state of a new Supabase project.
    pub fn database(self: &Arc<Self>) -> Database {
        let name = format!("test_{}", self.made.fetch_add(1, Ordering::Relaxed));
        self.run(&format!("create database {name} template {START}"));
        let client = self.connect(&name);
        Database { server: self.clone(), name, client: Some(client), undoing: false }
    }

    fn run(&self, sql: &str) {
        self.keys().batch_execute(sql).unwrap_or_else(|error| panic!("{}\n{sql}", Refusal::from(error)));
    }

    /// Returns the roles except those of PostgreSQL.
    fn roles(&self) -> Vec<String> {
        let rows = rows(&mut self.keys(), "select rolname from pg_catalog.pg_roles where rolname !~ '^pg_'");
        rows.into_iter().flatten().flatten().collect()
    }

    fn keys(&self) -> MutexGuard<'_, Client> {
        self.keys.as_ref().expect("the server is up").lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(&self, database: &str) -> Client {
        let mut config = Config::new();
        config.host_path(&self.folder).user("postgres").dbname(database);
        config.connect(NoTls).expect("the server answers")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Returns the rows of a query, with each value as text.
fn rows(client: &mut Client, query: &str) -> Vec<Vec<Option<String>>> {
    let messages = client.simple_query(query).unwrap_or_else(|error| panic!("{}\n{query}", Refusal::from(error)));
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|at| row.get(at).map(str::to_string)).collect()),
        _ => None,
    });
    rows.collect()
}

/// A database that is dropped with this value.
pub struct Database {
    server: Arc<Server>,
    name: String,
    client: Option<Client>,
    /// Whether a transaction is open that will be rolled back.
    undoing: bool,
}

impl Database {
    /// Runs a text in one message, so that several statements are one transaction.
    pub fn run(&mut self, sql: &str) -> Result<(), Refusal> {
        self.whole(|client| client.batch_execute(sql))
    }

    /// Runs `COPY … FROM stdin` with these lines.
    pub fn copy(&mut self, sql: &str, lines: &str) -> Result<(), Refusal> {
        self.whole(|client| {
            let mut writer = client.copy_in(sql)?;
            writer.write_all(lines.as_bytes()).expect("the server reads on");
            writer.finish().map(|_| ())
        })
    }

    /// Runs `act` and rolls back its changes, which takes a thousandth of the time of a new database. `act` cannot begin or end
    /// transactions, or run statements that cannot run in one.
    pub fn undone<T>(&mut self, act: impl FnOnce(&mut Database) -> T) -> T {
        self.run("begin").expect("a transaction can begin");
        self.undoing = true;
        let out = act(self);
        self.undoing = false;
        self.fresh_session();
        out
    }

    /// Runs `act` completely, or rolls it back if the server rejects it.
    fn whole(&mut self, act: impl FnOnce(&mut Client) -> Result<(), postgres::Error>) -> Result<(), Refusal> {
        if !self.undoing {
            return act(self.client()).map_err(Refusal::from);
        }
        let client = self.client();
        client.batch_execute("savepoint before").expect("the transaction goes on");
        let result = act(client);
        let end = if result.is_ok() { "release before" } else { "rollback to before; release before" };
        client.batch_execute(end).expect("the transaction goes on");
        result.map_err(Refusal::from)
    }

    /// Returns the rows of a query, with each value as text.
    pub fn rows(&mut self, query: &str) -> Vec<Vec<Option<String>>> {
        rows(self.client(), query)
    }

    /// Resets the session to that of a new connection: no settings, role, temporary tables or open transaction.
    pub fn fresh_session(&mut self) {
        if !self.undoing {
            self.run("rollback").expect("a transaction can end");
        }
        self.run("reset session authorization; reset all; discard temp").expect("a session can be reset");
    }

    fn client(&mut self) -> &mut Client {
        self.client.as_mut().expect("open until dropped")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.client = None;
        // the test may have failed because the server ended, so errors are ignored
        let _ = self.server.keys().batch_execute(&format!("drop database {} with (force)", self.name));
        if std::thread::panicking() {
            return;
        }
        for role in self.server.roles().iter().filter(|role| !self.server.roles.contains(role)) {
            let _ = self.server.keys().batch_execute(&format!("drop role \"{}\"", role.replace('"', "\"\"")));
        }
    }
}

/// Error of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub sqlstate: String,
    pub message: String,
}

impl From<postgres::Error> for Refusal {
    fn from(error: postgres::Error) -> Refusal {
        match error.as_db_error() {
            Some(error) => Refusal { sqlstate: error.code().code().into(), message: error.message().into() },
            None => Refusal { sqlstate: String::new(), message: error.to_string() },
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.message, self.sqlstate)
    }
}

/// Returns the folder of PostgreSQL's programs: that of `initdb` on PATH, or else the newest version of Debian's packages.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).filter_map(|folder| std::fs::canonicalize(folder.join("initdb")).ok());
    let packaged =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|version| version.path().join("bin/initdb"));
    let mut packaged: Vec<(u32, PathBuf)> = packaged.filter_map(|initdb| Some((version(&initdb)?, initdb))).collect();
    packaged.sort();
    let found = on_path.filter_map(|initdb| Some((version(&initdb)?, initdb))).chain(packaged.into_iter().rev());
    let (_, initdb) = found.into_iter().find(|(version, _)| *version >= OLDEST)?;
    initdb.parent().map(Path::to_path_buf)
}

/// Parses `initdb (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn version(initdb: &Path) -> Option<u32> {
    let output = Command::new(initdb).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let number = text.split(") ").nth(1)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
