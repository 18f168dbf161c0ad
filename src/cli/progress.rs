//! A progress line on a terminal.
//!
//! Promises: nothing is shown in the first second, and the line is removed when the work ends.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Runs `work`. If `shown` is true and the work takes longer than a second, a line on standard error shows the seconds.
pub fn during<T>(shown: bool, work: impl FnOnce() -> T) -> T {
    if !shown || !io::stderr().is_terminal() {
        return work();
    }
    watched(io::stderr(), Duration::from_secs(1), work)
}

fn watched<T>(mut out: impl Write + Send, step: Duration, work: impl FnOnce() -> T) -> T {
    let (done, is_done) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || count(&mut out, step, &is_done));
        let result = work();
        drop(done);
        result
    })
}

fn count(out: &mut impl Write, step: Duration, is_done: &Receiver<()>) {
    let (started, mut is_shown) = (Instant::now(), false);
    while is_done.recv_timeout(step) == Err(RecvTimeoutError::Timeout) {
        // an error of the progress line is ignored
        let _ = write!(out, "\rchecking the migrations: {} s", started.elapsed().as_secs()).and_then(|()| out.flush());
        is_shown = true;
    }
    if is_shown {
        let _ = write!(out, "\r\u{1b}[K").and_then(|()| out.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_late_and_goes() {
        let mut out = Vec::new();
        assert_eq!(watched(&mut out, Duration::from_secs(60), || 1), 1);
        assert!(out.is_empty());
        watched(&mut out, Duration::from_millis(5), || std::thread::sleep(Duration::from_millis(60)));
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("\rchecking the migrations: 0 s") && text.ends_with("\r\u{1b}[K"), "{text:?}");
    }
}
