// SPDX-License-Identifier: Apache-2.0
// A crate with one test, which libtest runs: what it asks for itself is in the same module.
//
// Flaw (Rust's policy, not a bug): where parse() has no memory it composes a message, which cannot say that there is
// none for that either. With --cfg fixed the message is a constant. A failure that lasts tells them apart when it keeps
// to the crate: else libtest, which goes on to report the test, aborts in both (tests/replayer/lasting-scope.sh).
use std::borrow::Cow;

pub fn parse(line: &str) -> Result<Vec<u8>, Cow<'static, str>> {
    let mut bytes = Vec::new();
    if bytes.try_reserve(line.len()).is_err() {
        return Err(complain(line));
    }
    bytes.extend_from_slice(line.as_bytes());
    Ok(bytes)
}

#[cfg(not(fixed))]
#[inline(never)]
fn complain(line: &str) -> Cow<'static, str> {
    Cow::Owned(format!("no memory for {}", line))
}

#[cfg(fixed)]
#[inline(never)]
fn complain(_line: &str) -> Cow<'static, str> {
    Cow::Borrowed("no memory")
}

#[cfg(test)]
mod tests {
    #[test]
    fn parses() {
        match super::parse("a line") {
            Ok(bytes) => assert_eq!(bytes.len(), 6),
            Err(why) => assert!(why.len() > 3),
        }
    }
}
