//! `jirani setup CLIENT`: what to type into which program, so that nobody has to guess.

use anyhow::{Context as _, Result};

use crate::cli::Client;
use crate::config::Config;
use crate::control::{self, Reply, Request};
use crate::home::Home;
use crate::terminal::harmless;

/// What this person is called on this computer.
pub(crate) fn user_name() -> String {
    let uid = nix::unistd::getuid();
    nix::unistd::User::from_uid(uid).ok().flatten().map_or_else(|| "me".to_owned(), |user| user.name)
}

/// What a new account's owner must know.
pub(crate) fn print_account(address: &str, password: Option<&str>, port: u16) {
    // They may come from another person's daemon.
    let (address, password) = (harmless(address), password.map(harmless));
    println!("  Address   {address}");
    if let Some(password) = password {
        println!("  Password  {password}   (shown only now; `jirani account passwd` makes another)");
    }
    println!("  Server    127.0.0.1, port {port}\n");
    println!("In any chat program that speaks XMPP, add an account with these. For example Profanity:\n");
    println!("  /connect {address} server 127.0.0.1 port {port}\n");
    println!("`jirani setup CLIENT` says it for Dino, Finch, Gajim, Pidgin, Profanity, Psi and slixmpp.");
}

pub(crate) fn setup(home: &Home, config: &Config, client: Client, name: Option<String>) -> Result<()> {
    let (accounts, own) = accounts(home, config)?;
    let address = choose(accounts, name)?;
    let port = config.listen.first().map_or(5222, std::net::SocketAddr::port);
    print!("{}", instructions(client, &harmless(&address), port, &trust(home, own)));
    Ok(())
}

/// The address of the account that is named, or of the one that is named as this person is, or of any.
pub(crate) fn find(home: &Home, config: &Config, name: Option<String>) -> Result<String> {
    choose(accounts(home, config)?.0, name)
}

fn choose(accounts: Vec<String>, name: Option<String>) -> Result<String> {
    let wanted = name.unwrap_or_else(user_name);
    let is_wanted = |address: &&String| **address == wanted || address.split('@').next() == Some(&wanted);
    let address = accounts.iter().find(is_wanted).or(accounts.first());
    address.cloned().context("there is no account yet. `jirani account add NAME` makes one")
}

/// The accounts of this person's daemon; or the account at the one of another user, for who has none. And whether it is
/// their own.
fn accounts(home: &Home, config: &Config) -> Result<(Vec<String>, bool)> {
    let own = match control::ask(home, &Request::List) {
        Ok(Reply::Accounts(accounts)) => return Ok((accounts, true)),
        Ok(_) => anyhow::bail!("the daemon is of another version: restart it"),
        Err(error) => error,
    };
    match control::ask_neighbour(&control::public_name(config), &Request::Mine) {
        Ok(Some(Reply::Account { address, .. })) => Ok((vec![address], false)),
        _ => Err(own),
    }
}

/// What makes all programs of the computer trust the daemon's certificate: root has another home than this person.
fn trust(home: &Home, own: bool) -> String {
    match own && !home.is_system() {
        true => format!("sudo jirani --data {} trust --system", home.path().display()),
        false => "sudo jirani --system trust --system".to_owned(),
    }
}

/// The steps, as they were tried with the programs of Debian 12 where the program is one of them.
fn instructions(client: Client, address: &str, port: u16, trust: &str) -> String {
    let (local, domain) = address.split_once('@').unwrap_or((address, ""));
    match client {
        Client::Profanity => format!(
            "Start Profanity and type:\n\n  \
             /connect {address} server 127.0.0.1 port {port}\n\n\
             It shows the daemon's certificate once: answer /tls always. After this it does not ask:\n\n  \
             {trust}\n"
        ),
        Client::Pidgin => format!(
            "Accounts > Manage Accounts > Add:\n\n  \
             Protocol         XMPP\n  Username         {local}\n  Domain           {domain}\n  \
             Advanced:\n    Connect port   {port}\n    Connect server 127.0.0.1\n\n\
             Accept the certificate when it is shown, within a minute, or press Reconnect. After this it does not ask:\n\n  \
             {trust}\n"
        ),
        Client::Finch => format!(
            "Start Finch, open Accounts (Alt-A a) > Add:\n\n  \
             Protocol         XMPP\n  Username         {local}\n  Domain           {domain}\n  \
             Connect port     {port}\n  Connect server   127.0.0.1\n\n\
             Accept the certificate when it is shown (Alt-N goes to the window that asks).\n"
        ),
        Client::Gajim => format!(
            "Accounts > Add Account > Log In:\n\n  XMPP Address     {address}\n  \
             Advanced settings: on, then Custom Hostname 127.0.0.1, port {port}, StartTLS\n\n\
             For the certificate, once:\n\n  {trust}\n"
        ),
        Client::Dino => format!(
            "Dino looks the domain up and accepts no unknown certificate. Once:\n\n  \
             echo '127.0.0.1 {domain}' | sudo tee -a /etc/hosts\n  {trust}\n\n\
             Then add the account {address} in Dino. It connects while the computer has some network, of whatever kind.\n"
        ),
        Client::Psi => format!(
            "Account Setup > Add:\n\n  XMPP Address     {address}\n  \
             Connection: Manually specify server host 127.0.0.1, port {port}; encrypt \"when available\"\n\n\
             For the certificate, once:\n\n  {trust}\n"
        ),
        Client::Slixmpp => format!(
            "In Python, with slixmpp:\n\n  \
             xmpp = slixmpp.ClientXMPP({address:?}, PASSWORD)\n  \
             xmpp.ca_certs = \"jirani.pem\"   # jirani trust --print > jirani.pem\n  \
             xmpp.connect(\"127.0.0.1\", {port})    # slixmpp 1.8: connect((\"127.0.0.1\", {port}))\n"
        ),
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_client_is_told_its_address_and_port() {
        for client in Client::value_variants() {
            let trust = "sudo jirani --data /x trust --system";
            let text = instructions(*client, "maria@a-b-c-d-e.jirani.alt", 5222, trust);
            assert!(text.contains("a-b-c-d-e.jirani.alt"), "{client:?}");
            assert!(text.contains("5222") || *client == Client::Dino, "{client:?}");
        }
    }
}
