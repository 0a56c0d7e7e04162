//! `jirani trust`: shows what will be done to the trust store, asks, does it.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use net::ca::Authority;
use net::trust::{Store, Subject, Surroundings, Wish, carry_out, plan};

use crate::account::confirm;
use crate::home::Home;
use crate::progress;

pub(crate) fn trust(home: &Home, system: bool, remove: bool, print: bool, yes: bool) -> Result<()> {
    if !home.tls().join("authority.pem").exists() {
        bail!("there is no certificate authority in {} yet. Start `jirani` once", home.tls().display());
    }
    let authority = Authority::open(&home.tls())?;
    if print {
        print!("{}", authority.certificate_pem());
        return Ok(());
    }
    let user = std::env::var_os("HOME").map(PathBuf::from).context("HOME is not set")?;
    let programs: Vec<_> = std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect();
    let subject = Subject { name: authority.name(), pem: authority.certificate_pem() };
    let store = if system { Store::System } else { Store::Person };
    let wish = if remove { Wish::Forget } else { Wish::Trust };
    let steps = plan(store, wish, subject, &Surroundings::look(&user, &programs))?;
    if !remove {
        println!(
            "\"{}\" can vouch for localhost and jirani.alt names only, for nothing on the Internet.",
            authority.name()
        );
    }
    println!("This will be done:\n");
    steps.iter().for_each(|step| println!("  {step}"));
    if !yes && !confirm("\nDo it?")? {
        bail!("nothing was changed");
    }
    progress::during("Changing the trust store", || None, || carry_out(&steps))?;
    println!("Done.{}", if remove { "" } else { " `jirani trust --remove` undoes it." });
    Ok(())
}
