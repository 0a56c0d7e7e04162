//! The command line: one definition of flags, commands and help.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::exit::EXIT_CODES;
use crate::logs::Format;

/// Instant messaging that works whether or not there is a server or an Internet.
///
/// Without a command it starts the daemon. The first start makes an address and an account, and says what to type into
/// your chat program. If a daemon runs on this computer already, you get an account there.
#[derive(Debug, Parser)]
#[command(name = "jirani", version, max_term_width = 100, after_long_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// Where data is kept [default: ~/.local/share/jirani]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The configuration file [default: config.toml in the data directory, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The daemon of the whole computer, which the system starts: its data is in /var/lib/jirani, its configuration in
    /// /etc/jirani/config.toml, its control socket in /run/jirani
    #[arg(long)]
    pub(crate) system: bool,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the daemon (the same as no command)
    Run {
        /// The first account's name [default: your name on this computer]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// A word before the five of a new address, a-z and 0-9, such as your school's name. Only at the first start
        #[arg(long, value_name = "WORD")]
        label: Option<String>,
        /// How the log looks [default: `log_format` of the configuration, or text]
        #[arg(long, value_name = "FORMAT")]
        log_format: Option<Format>,
    },
    /// Say how the daemon is: who is on, what it holds, what is wrong and what to do
    Status {
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// List who is in reach on other computers: since when, and at which address
    Neighbours,
    /// Try to reach the Jirani at an address, where it is not found by itself
    ///
    /// For another part of the network, or one that keeps its computers apart. It is tried at once, and again whenever the
    /// network changes, until the daemon ends; `links_to` in the configuration names addresses for good.
    Dial {
        /// 192.0.2.7, 192.0.2.7:5290, 2001:db8::7, [2001:db8::7]:5290, or with an interface fe80::7%eth0 [port: 5290]
        #[arg(value_name = "ADDRESS[:PORT]")]
        address: String,
    },
    /// Believe that somebody has another key than before
    ///
    /// Each address belongs to a key, and who shows another one is not believed: nothing is delivered to or from them. If
    /// they say themselves, in person, that they have a new computer, this makes the new key the right one, for all accounts
    /// of this computer. There is no way back but another change. `jirani status` shows both keys, and theirs shows them
    /// their own.
    Accept {
        /// Their whole address
        address: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Make sure, together with somebody, that nobody is between your two computers
    ///
    /// Do it when you are together: both of you give this order, see three words, and say whether they are the same on both
    /// screens. From then on `jirani neighbours` and the contact list show them as verified, as long as they have the same key.
    Verify {
        /// Their whole address, or what stands before its @ if nobody else in reach is called so
        #[arg(value_name = "NAME|ADDRESS")]
        who: String,
        /// Your account, if this computer has several
        #[arg(long, value_name = "ME")]
        account: Option<String>,
    },
    /// Take back that somebody is verified
    Unverify {
        /// Their whole address, or what stands before its @ if nobody else in reach is called so
        #[arg(value_name = "NAME|ADDRESS")]
        who: String,
        /// Your account, if this computer has several
        #[arg(long, value_name = "ME")]
        account: Option<String>,
    },
    /// Look for what would keep the daemon from starting, without starting: configuration, ports, certificates, rights
    Check,
    /// Write all of it into one file, while the daemon runs or not: accounts, messages, keys
    ///
    /// The file is for your eyes only: who has it can read your messages and be you.
    Backup {
        /// The file to write; one that exists is never written over
        file: PathBuf,
    },
    /// Make an empty data directory what a backup was made of
    ///
    /// Then start it with `jirani`. If the one that the backup was made of still exists, never start it again.
    Restore {
        /// The backup
        file: PathBuf,
    },
    /// Make, list, change and remove accounts
    #[command(subcommand)]
    Account(Account),
    /// Chat in this terminal, with the daemon of this computer
    ///
    /// Asks for the password. Then each line that you type is a message: /to NAME chooses to whom, /who shows your
    /// contacts, /add NAME makes one, /quit ends. From a script, the first line is the password.
    Chat {
        /// As which account [default: your name on this computer]
        name: Option<String>,
    },
    /// See what it is like: three laptops on this computer, and a minute of what people do with them
    ///
    /// They find each other, chat, are away; one is closed without a word, and what is written to it waits. Then they stay
    /// until Ctrl-C, and you can join in: it says how. Nothing is said on any network, your own data is not touched, and
    /// nothing is left behind.
    Demo {
        /// Without pauses, and end with the story
        #[arg(long)]
        quick: bool,
    },
    /// Say what to type into a chat program
    Setup {
        /// Which program
        client: Client,
        /// For which account [default: your name on this computer]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
    /// Make this computer's chat programs trust the daemon's certificate
    Trust {
        /// For all users, as root
        #[arg(long)]
        system: bool,
        /// Trust it no more
        #[arg(long)]
        remove: bool,
        /// Only print the certificate, to be imported by hand
        #[arg(long, conflicts_with_all = ["system", "remove", "yes"])]
        print: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Help with the configuration file
    #[command(subcommand)]
    Config(Config),
    /// Print the manual page
    Man {
        /// Write a page for each command into this directory instead, such as /usr/local/share/man/man1
        #[arg(value_name = "DIR")]
        directory: Option<PathBuf>,
    },
    /// Print what makes your shell complete commands and flags
    ///
    /// For bash: jirani completions bash > ~/.local/share/bash-completion/completions/jirani
    Completions {
        /// Which shell
        shell: Shell,
    },
}

impl Default for Command {
    fn default() -> Command {
        Command::Run { name: None, label: None, log_format: None }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// Make an account
    Add {
        /// Its name, or its whole address
        name: String,
        #[command(flatten)]
        password: Password,
    },
    /// List the accounts
    List,
    /// Change a password; all sessions of the account end
    Passwd {
        /// Its name, or its whole address
        name: String,
        #[command(flatten)]
        password: Password,
    },
    /// Choose who may see an account on the networks around, and write to it, without being its contact
    Visible {
        /// Its name, or its whole address
        name: String,
        /// Who
        to: Audience,
    },
    /// See people of Pidgin, Finch, Adium and the like on the networks around, and be seen by them (Bonjour)
    ///
    /// Whoever is on the same network then sees the account's name, this computer's name and the status, and anybody can
    /// pretend to be anybody: these people are marked as not verified. Only while the account is visible to everybody.
    Bonjour {
        /// Its name, or its whole address
        name: String,
        /// On or off
        switch: Switch,
    },
    /// Write an account into a file, for your other laptop: then messages reach both
    ///
    /// With the words that it shows, whoever has the file can be you. Contacts and history do not go along, and a password
    /// that is changed later is changed on one laptop only.
    Share {
        /// Its name, or its whole address
        name: String,
        /// The file to write; one that exists is never written over
        file: PathBuf,
    },
    /// Take an account out of a file that `share` has written on your other laptop
    ///
    /// Asks for the words; from a script, they are the first line. The password is the same as there.
    Take {
        /// The file
        file: PathBuf,
    },
    /// Remove an account with all its contacts and messages
    Remove {
        /// Its name, or its whole address
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Who may see and reach an account; contacts always may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Audience {
    /// Nobody else than contacts
    Nobody,
    /// People who were verified in person, and those of the same community
    Known,
    /// Also people for whom two of these vouch
    Vouched,
    /// Whoever is on the same network; strangers may write three short messages until they are answered
    Everybody,
}

impl From<Audience> for base::Audience {
    fn from(audience: Audience) -> base::Audience {
        match audience {
            Audience::Nobody => base::Audience::Nobody,
            Audience::Known => base::Audience::Green,
            Audience::Vouched => base::Audience::Yellow,
            Audience::Everybody => base::Audience::All,
        }
    }
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// On
    On,
    /// Off
    Off,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Password {
    /// Read the password from standard input, one line. Without it a good one is made and shown
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Print every key with its default and what it means
    Example,
}

/// The programs that we know how to set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    Dino,
    Finch,
    Gajim,
    Pidgin,
    Profanity,
    Psi,
    Slixmpp,
}
