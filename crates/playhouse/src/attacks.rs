//! `docs/attacks.md`: plays every attack that is bytes on a stream against a running daemon, and measures it: what the
//! daemon said, what it cost, and whether somebody who has nothing to do with it was served meanwhile.

mod attacker;
mod bystander;
mod case;
mod cases;
mod gauge;
mod ways;
mod words;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::server::{Kind, Maker, Server};
use bystander::{Bystander, Seen};
use case::{CROWD, Caps, Case, Trick};
use gauge::Gauge;
use ways::{CROWD_SIZE, Target};

/// Sockets of the attackers and some more.
const FILES_MIN: u64 = 2 * CROWD_SIZE as u64;
/// What may be left of a storm of connections when they are gone.
const LEFT_KB_MAX: u64 = 2048;
/// After so long they are gone: the daemon waits two seconds for each goodbye.
const GONE_AFTER: Duration = Duration::from_secs(4);
/// The daemon is a debug build here; how much more that is allowed is in the caps.
const HEAD: &str = "| id | what is sent | the daemon says | memory kB | CPU ms | after ms | by 1,000: memory kB | CPU ms | after ms | cut | bystander: slowest ms |\n|---|---|---|---|---|---|---|---|---|---|---|";

/// Plays the cases with one of these ids or words, or all; the slow ones only if they are wanted. Prints a table.
///
/// # Errors
/// If an outcome is not the safe one, or a figure is beyond its cap: which.
pub(crate) fn attacks(binary: PathBuf, only: &[String], slow: bool) -> Result<()> {
    raise_file_limit()?;
    let cases: Vec<Case> = cases::cases()
        .into_iter()
        .filter(|case| only.is_empty() || only.iter().any(|word| word == case.id || case.words.contains(word)))
        .filter(|case| slow || !case.slow)
        .collect();
    if cases.is_empty() {
        bail!("there is no such case (or only with --slow): the ids are in docs/attacks.md");
    }
    let sinks = (0..cases.len()).filter(|at| matches!(cases[*at].trick, Trick::Flood { .. }));
    let mut accounts: Vec<String> = ["ana", "bob", "mallory", "away", "gone"].map(str::to_owned).into();
    accounts.extend(sinks.map(|at| format!("sink{at}")));
    let maker = Maker::new(Kind::Jirani, binary)?;
    let mut server = Server::start(&maker, &accounts)?;
    let field = Field {
        target: Target { address: server.address(), domain: server.domain() },
        gauge: Gauge(server.pid().context("the daemon has no process")?),
        bystander: Bystander::start(server.address(), server.domain())?,
    };
    println!("{HEAD}");
    let mut complaints = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        match field.play(case, at) {
            Ok(row) => {
                println!("{}", row.line(case));
                complaints.extend(row.complaints(case));
            }
            Err(error) => complaints.push(format!("{} ({}): {error:#}", case.id, case.words)),
        }
        if !ways::is_there(server.address()) {
            bail!("after {} ({}) the daemon is gone; it said:\n{}", case.id, case.words, server.said());
        }
    }
    if !complaints.is_empty() {
        bail!("{} things are not as they must be:\n  {}", complaints.len(), complaints.join("\n  "));
    }
    println!("\n{} attacks, all of them refused within their caps.", cases.len());
    Ok(())
}

/// A daemon under attack, and who looks.
struct Field {
    target: Target,
    gauge: Gauge,
    bystander: Bystander,
}

/// One way of one attack.
struct Measured {
    line: String,
    after: Duration,
    memory_kb: u64,
    cpu: Duration,
}

/// Everything about one attack.
struct Row {
    one: Measured,
    crowd: Option<Measured>,
    /// In how many ways it was cut, and what went wrong with one of them.
    cuts: usize,
    wrong_cut: Option<String>,
    /// Memory that is still taken when all connections are gone.
    left_kb: u64,
    seen: Seen,
}

impl Field {
    fn play(&self, case: &Case, number: usize) -> Result<Row> {
        self.bystander.seen();
        let before = self.gauge.memory_kb()?;
        let one = self.measure(|| self.target.whole(case, number))?;
        let crowd = Target::has_crowd(case).then(|| self.measure(|| self.target.crowd(case))).transpose()?;
        let seen = self.bystander.seen();
        let (mut cuts, mut wrong_cut) = (0, None);
        // The slow ones are long, and some leave the daemon another than they found it.
        if matches!(case.trick, Trick::None) && !case.slow {
            if case.is_of_strangers() && !case.outcome.is_empty() {
                (cuts, wrong_cut) = self.target.cut_everywhere(case)?;
            }
            let line = self.target.byte_by_byte(case)?.line;
            cuts += 1;
            if line != case.outcome {
                wrong_cut.get_or_insert(format!("byte by byte: {line}"));
            }
        }
        if matches!(case.trick, Trick::OpenAndDrop(_)) {
            std::thread::sleep(GONE_AFTER);
        }
        let left_kb = self.gauge.memory_kb()?.saturating_sub(before);
        Ok(Row { one, crowd, cuts, wrong_cut, left_kb, seen: seen.and(self.bystander.seen()) })
    }

    fn measure(&self, attack: impl FnOnce() -> Result<ways::Outcome>) -> Result<Measured> {
        self.gauge.forget_peak()?;
        let (memory, cpu) = (self.gauge.memory_kb()?, self.gauge.cpu()?);
        let outcome = attack()?;
        Ok(Measured {
            line: outcome.line,
            after: outcome.after,
            memory_kb: self.gauge.peak_kb()?.saturating_sub(memory),
            cpu: self.gauge.cpu()?.saturating_sub(cpu),
        })
    }
}

impl Measured {
    fn figures(&self) -> String {
        format!("{} | {:.1} | {:.1}", self.memory_kb, millis(self.cpu), millis(self.after))
    }

    fn complaints(&self, case: &Case, caps: Caps) -> Vec<String> {
        let mut all = Vec::new();
        if self.line != case.outcome {
            all.push(format!("`{}` was said, not `{}`", self.line, case.outcome));
        }
        for (what, is, cap) in [
            ("kB of memory", self.memory_kb as f64, caps.memory_kb),
            ("ms of CPU", millis(self.cpu), caps.cpu_ms),
            ("ms until the outcome", millis(self.after), caps.refusal_ms),
        ] {
            if is > cap as f64 {
                all.push(format!("{is:.1} {what}, and {cap} are allowed"));
            }
        }
        all
    }
}

impl Row {
    fn line(&self, case: &Case) -> String {
        let said = if self.one.line.is_empty() { "nothing".to_owned() } else { format!("`{}`", self.one.line) };
        let crowd = self.crowd.as_ref().map_or_else(|| "| |".to_owned(), Measured::figures);
        let (one, cuts, slowest) = (self.one.figures(), self.cuts, millis(self.seen.slowest));
        format!("| {} | {} | {said} | {one} | {crowd} | {cuts} | {slowest:.1} |", case.id, case.words)
    }

    fn complaints(&self, case: &Case) -> Vec<String> {
        let mut all = self.one.complaints(case, case.caps);
        if let Some(crowd) = &self.crowd {
            all.extend(crowd.complaints(case, CROWD).into_iter().map(|what| format!("by a thousand: {what}")));
        }
        all.extend(self.wrong_cut.clone());
        if matches!(case.trick, Trick::OpenAndDrop(_)) && self.left_kb > LEFT_KB_MAX {
            all.push(format!("{} kB of memory are left, and {LEFT_KB_MAX} are allowed", self.left_kb));
        }
        if self.seen.is_locked_out || self.seen.answers == 0 {
            all.push("the bystander was not answered".to_owned());
        }
        all.into_iter().map(|what| format!("{} ({}): {what}", case.id, case.words)).collect()
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Each attacker is an open file.
fn raise_file_limit() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if hard < FILES_MIN {
        bail!("a process may have {hard} files open here, and the attacks need {FILES_MIN}: see `ulimit -Hn`");
    }
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?)
}
