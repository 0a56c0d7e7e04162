//! Makes the word lists from their two sources; `words/README.md` says where they come from and how to call this.

#[path = "../words/rules.rs"]
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, error::Error, fs};

use mesh::verification;
use mesh::words::{self, WORDS};

/// SCOWL's size classes from the most common words to the least common that may be taken without being picked by hand.
const SIZES: [u32; 4] = [10, 20, 35, 40];
/// The class of rarer words; only those named in `welcome.txt` are taken.
const PICKED_SIZE: u32 = 50;
/// Words in `welcome.txt` are taken before all others.
const PICKED_RANK: u32 = 0;
/// Asks for the list that is compared in person: no word of it is in a name.
const COMPARED: &str = "compared";

#[expect(clippy::disallowed_methods, reason = "a tool for developers: its input comes from the command line")]
fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<PathBuf> = env::args().skip(1).map(PathBuf::from).collect();
    let (headwords, scowl, is_for_comparing) = match paths.as_slice() {
        [headwords, scowl] => (headwords, scowl, false),
        [headwords, scowl, which] if which.as_os_str() == COMPARED => (headwords, scowl, true),
        _ => return Err("usage: make_words <2of12id.txt> <directory of SCOWL's lists> [compared]".into()),
    };
    let ranks = ranks(scowl)?;
    let mut stop = rules::bare_words(include_str!("../words/stop.txt"));
    if is_for_comparing {
        stop.extend(words::all());
    }
    let most = if is_for_comparing { verification::words::COUNT } else { WORDS };

    let mut candidates: Vec<(u32, bool, String)> = Vec::new();
    for (word, is_noun) in headwords_without_inflections(&read_latin1(headwords)?) {
        if let Some(&rank) = ranks.get(&word)
            && rules::has_good_shape(&word)
            && !stop.contains(word.as_str())
        {
            candidates.push((rank, !is_noun, word));
        }
    }
    candidates.sort();

    let mut chosen = rules::Chosen::default();
    let mut list: Vec<String> = Vec::new();
    for (_, _, word) in candidates {
        if list.len() < most && chosen.add(&word).is_ok() {
            list.push(word);
        }
    }
    if list.len() < most {
        return Err(format!("only {} words satisfy the rules", list.len()).into());
    }
    list.sort();
    list.iter().for_each(|word| println!("{word}"));
    Ok(())
}

/// How common each word is: the least size class that holds it.
fn ranks(scowl: &Path) -> Result<BTreeMap<String, u32>, Box<dyn Error>> {
    let welcome = rules::bare_words(include_str!("../words/welcome.txt"));
    let mut ranks = BTreeMap::new();
    for size in SIZES.into_iter().chain([PICKED_SIZE]) {
        for region in ["english", "american"] {
            for word in read_latin1(&scowl.join(format!("{region}-words.{size}")))?.lines() {
                let picked = welcome.contains(word);
                if picked || size != PICKED_SIZE {
                    ranks.entry(word.to_owned()).or_insert(if picked { PICKED_RANK } else { size });
                }
            }
        }
    }
    Ok(ranks)
}

/// The nouns, verbs and adjectives of 12dicts' list of headwords, and whether each can be a noun. A form of another word
/// is left out, unless it is a noun or adjective of its own ("drawing") and no plural.
fn headwords_without_inflections(list: &str) -> Vec<(String, bool)> {
    let mut classes: BTreeMap<&str, String> = BTreeMap::new();
    let mut inflections: BTreeSet<&str> = BTreeSet::new();
    for line in list.lines() {
        let mut fields = line.splitn(3, ' ');
        let (Some(word), Some(class)) = (fields.next(), fields.next()) else { continue };
        // Lines that start with a mark are doubtful entries; their forms count all the same.
        classes.entry(word).or_default().push_str(class);
        for piece in fields.next().unwrap_or_default().split('{') {
            let forms = piece.split_once('}').map_or(piece, |(_, forms)| forms);
            inflections.extend(forms.split(|c: char| !c.is_ascii_alphabetic()).filter(|form| *form != word));
        }
    }
    classes
        .into_iter()
        .filter(|(word, class)| {
            let stands_alone = class.contains(['N', 'A']) && !word.ends_with('s');
            class.contains(['N', 'V', 'A']) && (stands_alone || !inflections.contains(word))
        })
        .map(|(word, class)| (word.to_owned(), class.contains('N')))
        .collect()
}

/// The sources are in ISO 8859-1; words with other letters than a-z are refused later.
fn read_latin1(path: &Path) -> Result<String, Box<dyn Error>> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(bytes.into_iter().map(char::from).filter(|c| *c != '\r').collect())
}
