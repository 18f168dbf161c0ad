//! PostgreSQL's protocol over a local socket, as far as the tests speak it: texts of statements, rows as text, `COPY … FROM stdin`.
//!
//! A client of one connection is a page of code; the client that everybody uses takes longer to build than all other packages of the
//! tests together. Source: PostgreSQL's documentation, "Message Formats".

use std::io::{self, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

pub type Row = Vec<Option<String>>;

/// A refusal's fields by their letters: `C` is the SQLSTATE, `M` the message. Empty where the connection is lost.
pub type Fields = Vec<(u8, String)>;

pub struct Client(BufReader<UnixStream>);

impl Client {
    pub fn connect(folder: &Path, database: &str) -> Client {
        let socket = UnixStream::connect(folder.join(".s.PGSQL.5432")).expect("the server answers");
        let mut client = Client(BufReader::new(socket));
        let mut start = 196_608_u32.to_be_bytes().to_vec();
        start.extend(format!("user\0postgres\0database\0{database}\0\0").bytes());
        let result = client.send(None, &start).map_err(|_| Fields::new()).and_then(|()| client.answer(""));
        result.unwrap_or_else(|fields| panic!("the server lets a client in: {fields:?}"));
        client
    }

    /// Runs statements, with lines for those that copy them, and gives the rows of all. Several are one transaction.
    pub fn run(&mut self, sql: &str, lines: &str) -> Result<Vec<Row>, Fields> {
        if sql.contains('\0') {
            return Err(vec![(b'M', "a text of statements ends where a zero stands".into())]);
        }
        self.send(Some(b'Q'), format!("{sql}\0").as_bytes()).map_err(|_| Fields::new())?;
        self.answer(lines)
    }

    /// Reads until the server is ready for more.
    fn answer(&mut self, lines: &str) -> Result<Vec<Row>, Fields> {
        let mut rows = Vec::new();
        let mut refusal = None;
        loop {
            let (kind, body) = self.receive().map_err(|_| refusal.take().unwrap_or_default())?;
            match kind {
                b'D' => rows.push(row(&body)),
                b'E' => refusal = Some(fields(&body)),
                b'G' => {
                    let sent = self.send(Some(b'd'), lines.as_bytes()).and_then(|()| self.send(Some(b'c'), &[]));
                    sent.map_err(|_| Fields::new())?;
                }
                b'Z' => return refusal.map_or(Ok(rows), Err),
                // what is to come, notices, settings, and the ends of commands
                _ => {}
            }
        }
    }

    fn send(&mut self, kind: Option<u8>, body: &[u8]) -> io::Result<()> {
        let mut message: Vec<u8> = kind.into_iter().collect();
        message.extend((body.len() as u32 + 4).to_be_bytes());
        message.extend(body);
        self.0.get_mut().write_all(&message)
    }

    fn receive(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.0.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
        self.0.read_exact(&mut body)?;
        Ok((kind, body))
    }
}

fn row(body: &[u8]) -> Row {
    let (count, mut rest) = body.split_first_chunk().expect("a row has a number of values");
    let value = |_| {
        let (length, behind) = rest.split_first_chunk().expect("a value has a length");
        rest = behind;
        let (value, behind) = rest.split_at(usize::try_from(i32::from_be_bytes(*length)).ok()?);
        rest = behind;
        Some(String::from_utf8_lossy(value).into_owned())
    };
    (0..u16::from_be_bytes(*count)).map(value).collect()
}

fn fields(body: &[u8]) -> Fields {
    let texts = body.split(|byte| *byte == 0).filter_map(|field| field.split_first());
    texts.map(|(letter, text)| (*letter, String::from_utf8_lossy(text).into_owned())).collect()
}
