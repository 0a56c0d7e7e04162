//! `docs/plays.md`: the text of a play. Lines at the left edge say what happens, indented ones below belong to them.

use std::path::Path;
use std::time::Duration;

use super::{Action, Play, Role, Step};
use crate::bench::PASSWORD;
use crate::pattern::Pattern;
use crate::reference::Reference;
use crate::xml::Tree;

/// What is wrong with a play, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The line, from 1.
    pub line: usize,
    /// In words.
    pub why: String,
}

/// A line at the left edge and what belongs to it.
struct Paragraph<'a> {
    line: usize,
    head: &'a str,
    block: String,
}

impl Play {
    /// Reads a play.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(file: &Path, text: &str) -> Result<Play, ParseError> {
        let (references, words) = opening(text).map_err(|why| ParseError { line: 1, why })?;
        let mut play = Play {
            file: file.to_owned(),
            references,
            words,
            accounts: Vec::new(),
            roles: Vec::new(),
            steps: Vec::new(),
            others: None,
        };
        for paragraph in paragraphs(text)? {
            let line = paragraph.line;
            play.take(paragraph).map_err(|why| ParseError { line, why })?;
        }
        play.accounts.extend(play.roles.iter().map(|role| role.account.clone()));
        play.accounts.sort();
        play.accounts.dedup();
        Ok(play)
    }

    fn take(&mut self, Paragraph { line, head, block }: Paragraph<'_>) -> Result<(), String> {
        if let Some(name) = head.strip_prefix("client ") {
            self.roles.push(role(name, &block)?);
            return Ok(());
        }
        let action = match (head, head.split_once(": ")) {
            (_, Some(("account", name))) => {
                self.accounts.push(name.to_owned());
                return no_block(&block);
            }
            (_, Some(("others", why))) => {
                self.others = Some(why.to_owned());
                return no_block(&block);
            }
            ("the node crashes", _) => Action::NodeCrashes,
            ("the store fails once", _) => Action::StoreFails,
            ("the disk is full once", _) => Action::DiskIsFull,
            _ => match head.strip_prefix("time passes: ") {
                Some(time) => Action::TimePasses(duration(time)?),
                None => self.deed(head, &block)?,
            },
        };
        if !matches!(action, Action::Sends { .. } | Action::Receives { .. }) {
            no_block(&block)?;
        }
        self.steps.push(Step { line, action });
        Ok(())
    }

    fn deed(&self, head: &str, block: &str) -> Result<Action, String> {
        let (name, deed) = head.split_once(' ').ok_or("this is no sentence of a play")?;
        let role = self.roles.iter().position(|role| role.name == name);
        let role = role.ok_or_else(|| format!("there is no client {name}"))?;
        Ok(match deed {
            "connects" => Action::Connects(role),
            "reconnects" => Action::Reconnects(role),
            "opens a connection" => Action::Opens(role),
            "authenticates" => Action::Authenticates(role),
            "disconnects" => Action::Disconnects(role),
            "cuts the cable" => Action::Cuts(role),
            "stops reading" => Action::Reads(role, false),
            "reads again" => Action::Reads(role, true),
            "stops acknowledging" => Action::Acknowledges(role, false),
            "acknowledges again" => Action::Acknowledges(role, true),
            "receives nothing" => Action::ReceivesNothing(role),
            "is disconnected" => Action::IsDisconnected(role),
            _ => return exchange(role, deed, block),
        })
    }
}

/// `# RFC 6121 section 2.1.6, attack case D02: what happens.` in the first line; the words may go on in the comment.
fn opening(text: &str) -> Result<(Vec<Reference>, String), String> {
    let comment: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("# ")).map(str::trim).collect();
    match comment.join(" ").split_once(": ") {
        Some((references, words)) if words.ends_with('.') => {
            Ok((Reference::parse_list(references)?, words.trim().to_owned()))
        }
        _ => Err("a play opens with '# RFC 6121 section 8.5: what happens.'".into()),
    }
}

/// `sends:`, `sends 250 times:`, `receives:`, `receives exactly:`, `receives in any order:`, `receives 250 times:`.
fn exchange(role: usize, deed: &str, block: &str) -> Result<Action, String> {
    let deed = deed.strip_suffix(':').ok_or("this is nothing that a client does")?;
    if block.trim().is_empty() {
        return Err("what it is must stand below, indented".into());
    }
    let (verb, how) = deed.split_once(' ').unwrap_or((deed, ""));
    let times = match how.strip_suffix(" times") {
        Some(times) => times.parse().map_err(|_| format!("{times} is no number"))?,
        None => 1,
    };
    let exactly = how == "exactly";
    let known = how.is_empty() || how.ends_with(" times");
    match verb {
        "sends" if known => Ok(Action::Sends { role, text: block.to_owned(), times }),
        "receives" if known || exactly || how == "in any order" => {
            let patterns = Tree::fragment(block)?.into_iter().map(|tree| Pattern::new(tree, exactly)).collect();
            Ok(Action::Receives { role, patterns, ordered: how != "in any order", times })
        }
        _ => Err("this is nothing that a client does".into()),
    }
}

fn no_block(block: &str) -> Result<(), String> {
    if block.is_empty() { Ok(()) } else { Err("nothing may stand below this line".into()) }
}

fn role(name: &str, block: &str) -> Result<Role, String> {
    let mut role = Role {
        name: name.to_owned(),
        account: name.to_owned(),
        password: PASSWORD.to_owned(),
        resource: None,
        presence: Some("<presence/>".to_owned()),
        managed: false,
    };
    for line in block.lines() {
        let (key, value) = line.split_once(": ").ok_or_else(|| format!("'{line}' is no option of a client"))?;
        let value = value.trim().to_owned();
        match key {
            "account" => role.account = value,
            "password" => role.password = value,
            "resource" => role.resource = Some(value),
            "presence" => role.presence = Some(value).filter(|value| value != "none"),
            "stream management" => role.managed = value == "yes",
            _ => return Err(format!("a client has no option '{key}'")),
        }
    }
    Ok(role)
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is no time, as 10s, 5min or 2h");
    let at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let number: u64 = text[..at].parse().map_err(|_| wrong())?;
    let unit = match &text[at..] {
        "s" => 1,
        "min" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    Ok(Duration::from_secs(number * unit))
}

fn paragraphs(text: &str) -> Result<Vec<Paragraph<'_>>, ParseError> {
    let mut paragraphs: Vec<Paragraph<'_>> = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let trimmed = line.trim_end();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        match (line.strip_prefix("  "), paragraphs.last_mut()) {
            (Some(inner), Some(paragraph)) => {
                if !paragraph.block.is_empty() {
                    paragraph.block.push('\n');
                }
                paragraph.block.push_str(inner.trim_end());
            }
            (Some(_), None) => {
                return Err(ParseError { line: i + 1, why: "this belongs to nothing".into() });
            }
            (None, _) => paragraphs.push(Paragraph { line: i + 1, head: trimmed, block: String::new() }),
        }
    }
    Ok(paragraphs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refuses(text: &str, line: usize) {
        assert_eq!(Play::parse(Path::new("x"), text).unwrap_err().line, line, "{text}");
    }

    #[test]
    fn the_first_line_says_where_it_is_prescribed() {
        let references = |first: &str| Play::parse(Path::new("x"), first).map(|play| play.references.len());
        assert_eq!(references("# XEP-0198 section 5: it is so."), Ok(1));
        assert_eq!(references("# XEP-0184, XEP-0333, RFC 6121 section 8.5: it is so."), Ok(3));
        for text in [
            "",
            "client a",
            "\n# XEP-0198: late.",
            "# It is so.",
            "# XEP-0198",
            "# XEP-0198: ",
            "# XEP-198: x.",
            "# XEP-0198: x",
        ] {
            refuses(text, 1);
        }
    }

    #[test]
    fn what_is_no_play_is_refused_with_its_line() {
        for (text, line) in [
            ("  <message/>", 2),
            ("client a\n  colour: red", 2),
            ("client a\n\nb connects", 4),
            ("client a\na flies", 3),
            ("client a\na sends:", 3),
            ("client a\na connects\n  <x/>", 3),
            ("client a\na receives:\n  <x>", 3),
            ("client a\na receives soon:\n  <x/>", 3),
            ("time passes: soon", 2),
            ("client a\na sends x times:\n  <x/>", 3),
        ] {
            refuses(&format!("# XEP-0198: it is so.\n{text}"), line);
        }
    }

    #[test]
    fn a_play_is_read() {
        let text = "# XEP-0198: it is so.\nclient a\n  account: maria\n  presence: none\naccount: paulo\n\na sends 3 times:\n  <x>\n    y\n\n  </x>\ntime passes: 2h";
        let play = Play::parse(Path::new("x"), text).unwrap();
        assert_eq!(play.accounts, ["maria", "paulo"]);
        assert_eq!(play.roles[0].presence, None);
        assert!(
            matches!(&play.steps[0].action, Action::Sends { role: 0, text, times: 3 } if text == "<x>\n  y\n</x>"),
            "{:?}",
            play.steps
        );
        assert!(matches!(play.steps[1].action, Action::TimePasses(time) if time == Duration::from_secs(7200)));
    }
}
