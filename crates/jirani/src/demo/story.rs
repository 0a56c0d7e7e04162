//! The scripted minute: who does what, told in plain words with the times that were measured.

use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Error, Result, bail};
use tokio::sync::mpsc;

use crate::demo::laptop::Laptop;
use crate::demo::person::{Person, said_by};

/// What is behind the times of the story.
const MARGIN: &str = "          ";

/// See the module.
pub(crate) struct Story {
    begun: Instant,
    quick: bool,
}

impl Story {
    /// A story that begins now; `quick`: nobody watches.
    pub(crate) fn new(quick: bool) -> Story {
        Story { begun: Instant::now(), quick }
    }

    /// Tells all of it; then stays for ever, unless it is quick.
    ///
    /// # Errors
    /// If something does not happen that should.
    pub(crate) async fn tell(&self, folder: &Path, ended: mpsc::Sender<Error>) -> Result<()> {
        print(
            "Three laptops, all on this computer, each with a Jirani of its own and somebody at it.\n\
             There is no server between them, and nothing leaves this computer.\n",
        )?;
        let [lisa, mut tom, amina] = self.start(folder, ended).await?;
        let laptops = [&lisa, &tom, &amina];
        let mut people = self.appear(laptops).await?;
        self.chat(&mut people).await?;
        self.away(&mut people).await?;
        let [lisa_in, tom_in, amina_in] = people;
        drop(tom_in);
        let people = self.lid([lisa_in, amina_in], &mut tom).await?;
        if self.quick {
            return self.say("That was the story.");
        }
        self.stay(people, [&lisa, &tom, &amina]).await
    }

    async fn start(&self, folder: &Path, ended: mpsc::Sender<Error>) -> Result<[Laptop; 3]> {
        self.say("Lisa, Tom and Amina start their laptops. The first start makes an address, which is a key:")?;
        let new = |name| Laptop::new(folder, name, ended.clone());
        let (lisa, tom, amina) = tokio::try_join!(new("lisa"), new("tom"), new("amina"))?;
        for laptop in [&lisa, &tom, &amina] {
            self.more(laptop.address.as_str())?;
        }
        Ok([lisa, tom, amina])
    }

    /// They log in, and are in each other's lists: nobody adds anybody.
    async fn appear(&self, laptops: [&Laptop; 3]) -> Result<[Person; 3]> {
        self.pause(3).await;
        self.say("Each logs in to their own laptop with a chat program.")?;
        let [lisa, tom, amina] = laptops;
        let mut people = [Person::log_in(lisa).await?, Person::log_in(tom).await?, Person::log_in(amina).await?];
        let last = Instant::now();
        let mut seen = last;
        for person in &mut people {
            let own = person.address.clone();
            for other in laptops.iter().filter(|other| other.address != own) {
                let line = format!("* {} is there", other.address);
                let (at, _) = person.sees("somebody appear", |shown| shown == line).await?;
                seen = seen.max(at);
            }
        }
        self.say(&format!("Each sees the two others, {} after the last one came.", took(last, seen)))?;
        self.more("Nobody was added or asked. What Lisa's list shows of them:")?;
        let lisa = &mut people[0];
        lisa.types("/who").await;
        for other in &laptops[1..] {
            let (_, line) = lisa
                .sees("her list", |shown| shown.starts_with("  ") && shown.ends_with(other.address.as_str()))
                .await?;
            self.more(&line)?;
        }
        Ok(people)
    }

    async fn chat(&self, people: &mut [Person; 3]) -> Result<()> {
        let [lisa, tom, amina] = people;
        self.pause(3).await;
        self.write(lisa, tom, "Habari, Tom? Are you coming to the lake?").await?;
        self.pause(3).await;
        self.write(tom, lisa, "Nzuri! Yes, when does the boat leave?").await?;
        self.pause(3).await;
        self.write(amina, lisa, "I come, too. I bring the mangoes.").await
    }

    /// Somebody writes to somebody who is there.
    async fn write(&self, from: &mut Person, to: &mut Person, words: &str) -> Result<()> {
        self.say(&format!("{} to {}: \"{words}\"", called(from.name), called(to.name)))?;
        let at = from.writes(&to.address, words).await;
        let read = to.reads(&from.address, words).await?;
        self.more(&format!("On {}'s screen after {}.", called(to.name), took(at, read)))
    }

    async fn away(&self, people: &mut [Person; 3]) -> Result<()> {
        let [lisa, _, amina] = people;
        for (typed, line, told) in [
            ("/away peeling mangoes", "is away: peeling mangoes", "Amina is away: \"peeling mangoes\"."),
            ("/back", "is there", "Amina is back."),
        ] {
            self.pause(3).await;
            self.say(told)?;
            let at = Instant::now();
            amina.types(typed).await;
            let line = format!("* {} {line}", amina.address);
            let (seen, _) = lisa.sees("it", |shown| shown == line).await?;
            self.more(&format!("Lisa sees it after {}.", took(at, seen)))?;
        }
        Ok(())
    }

    /// Tom's laptop is closed in the middle of everything. What is written to him meanwhile waits with who wrote it.
    async fn lid(&self, [mut lisa, amina]: [Person; 2], laptop: &mut Laptop) -> Result<[Person; 3]> {
        self.pause(3).await;
        self.say("Tom closes the lid: his laptop stops without a word (kill -9).")?;
        let at = Instant::now();
        laptop.close().await;
        self.pause(2).await;
        let words = "It leaves at four. Don't be late!";
        self.say(&format!("Lisa does not know that yet. Lisa to Tom: \"{words}\""))?;
        lisa.writes(&laptop.address, words).await;
        let line = format!("* {} has gone", laptop.address);
        let (seen, _) = lisa.sees("Tom leave", |shown| shown == line).await?;
        self.say(&format!(
            "Lisa sees that Tom has gone, {} after he went. What she wrote waits on her laptop.",
            took(at, seen)
        ))?;
        self.pause(4).await;
        self.say("Tom opens the lid, and logs in.")?;
        let at = Instant::now();
        laptop.open().await?;
        let mut tom = Person::log_in(laptop).await?;
        let read = tom.reads(&lisa.address, words).await?;
        self.more(&format!("{} later he reads: \"{words}\"", took(at, read)))?;
        let line = format!("* {} is there", laptop.address);
        let (seen, _) = lisa.sees("Tom come back", |shown| shown == line).await?;
        self.more(&format!("{} later Lisa sees him.", took(at, seen)))?;
        self.pause(2).await;
        self.write(&mut tom, &mut lisa, "I am running!").await?;
        Ok([lisa, tom, amina])
    }

    /// Says how to join in. Lisa's chat program is closed, so that somebody can be her; the others answer.
    async fn stay(&self, [lisa, tom, amina]: [Person; 3], laptops: [&Laptop; 3]) -> Result<()> {
        self.pause(2).await;
        let lisa_is = lisa.address.clone();
        drop(lisa);
        let program = std::env::current_exe()?;
        let Laptop { data, password, port, .. } = laptops[0];
        print(&format!(
            "\nThat was the story. Now you can be Lisa; Tom and Amina answer what you write to them. In another terminal:\n\n  \
             {} --data {} chat lisa\n\n\
             The password is {password}. `/who` shows the list, `/to tom (not verified)` chooses whom you write to.\n\
             Or in any chat program that speaks XMPP, for example Profanity:\n\n  \
             /connect {lisa_is} server 127.0.0.1 port {port}\n\n\
             All three, to log in with:\n",
            program.display(),
            data.display(),
        ))?;
        for Laptop { address, password, port, .. } in laptops {
            print(&format!("  {address}\n      password {password}, server 127.0.0.1, port {port}"))?;
        }
        print("\nCtrl-C ends it, and nothing is left.")?;
        tokio::try_join!(answer(tom, &lisa_is), answer(amina, &lisa_is)).map(drop)
    }

    /// A line of the story, with when.
    fn say(&self, words: &str) -> Result<()> {
        print(&format!("{:6.1} s  {words}", self.begun.elapsed().as_secs_f64()))
    }

    /// A line that belongs to the one before.
    fn more(&self, words: &str) -> Result<()> {
        print(&format!("{MARGIN}{words}"))
    }

    /// Time to read.
    async fn pause(&self, seconds: u64) {
        if !self.quick {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        }
    }
}

/// Answers whoever is Lisa now, for ever. Nobody else: two who answer everybody would never end.
async fn answer(mut person: Person, lisa: &base::Bare) -> Result<()> {
    while let Some(line) = person.next().await {
        if let Some(words) = said_by(lisa, &line) {
            let answer = format!("{} here, one of the demo. I have read: {words}", called(person.name));
            person.writes(lisa, &answer).await;
        }
    }
    bail!("{} has lost the connection", called(person.name))
}

/// Prints to who watches, at once.
fn print(text: &str) -> Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// An account's name as people write it.
fn called(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// How long something took, for people.
fn took(from: Instant, to: Instant) -> String {
    match to.saturating_duration_since(from) {
        time if time.as_millis() >= 1000 => format!("{:.1} s", time.as_secs_f64()),
        time if time.as_millis() == 0 => "less than 1 ms".into(),
        time => format!("{} ms", time.as_millis()),
    }
}
