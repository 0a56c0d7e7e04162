//! The door from outside: a client written by hand tries each way in (attack cases B01, B02, B03).

use base64::prelude::*;
use ring::{digest, hmac, pbkdf2};

use super::*;

const DOMAIN: &str = "otter.jirani.alt";
const ITERATIONS: NonZeroU32 = NonZeroU32::new(16).unwrap();
const EXPORTER: [u8; 32] = [42; 32];

const PLAIN_TCP: Offer = Offer { tls: false, exporter: None, loopback: false };
const LOOPBACK: Offer = Offer { tls: false, exporter: None, loopback: true };
const TLS_12: Offer = Offer { tls: true, exporter: None, loopback: false };
const TLS_13: Offer = Offer { tls: true, exporter: Some(EXPORTER), loopback: false };

fn fake() -> FakeKey {
    FakeKey::new(&[9; 32], ITERATIONS)
}

/// What the store has of a person with the password `pencil`.
fn record() -> Vec<Credential> {
    make_credentials("pencil", ITERATIONS, [3; 16]).unwrap()
}

/// What a client sends; by default, what a right one sends.
#[derive(Clone, Copy)]
struct Client<'a> {
    mechanism: Mechanism,
    name: &'a str,
    authzid: &'a str,
    password: &'a str,
    /// The `gs2-cbind-flag`.
    flag: &'a str,
    exporter: [u8; 32],
}

impl Client<'static> {
    fn new(mechanism: Mechanism) -> Self {
        let flag = if mechanism.is_plus() { "p=tls-exporter" } else { "n" };
        Client { mechanism, name: "lisa", authzid: "", password: "pencil", flag, exporter: EXPORTER }
    }
}

/// All steps of an attempt, and what came of it. The server's own signature is checked.
#[track_caller]
fn attempt(
    offer: &Offer,
    client: Client<'_>,
    record: Option<&[Credential]>,
) -> (Vec<Step>, Result<String, SaslFailure>) {
    let mut steps = Vec::new();
    let outcome = talk(offer, client, record, &mut steps);
    (steps, outcome)
}

#[track_caller]
fn talk(
    offer: &Offer,
    client: Client<'_>,
    record: Option<&[Credential]>,
    steps: &mut Vec<Step>,
) -> Result<String, SaslFailure> {
    let Client { mechanism, name, authzid, password, flag, exporter } = client;
    let mut exchange = Exchange::start(offer, mechanism, DOMAIN)?;
    let mut took = |step: Step| {
        steps.push(step.clone());
        match step {
            Step::Failure(failure) => Err(failure),
            step => Ok(step),
        }
    };
    let a = if authzid.is_empty() { String::new() } else { format!("a={authzid}") };
    let gs2 = format!("{flag},{a},");
    let bare = format!("n={name},r=clientnonce");
    let first =
        if mechanism == Mechanism::Plain { format!("{authzid}\0{name}\0{password}") } else { gs2.clone() + &bare };
    took(exchange.step(first.as_bytes()))?;
    let server_first = match took(exchange.credentials(record, &fake()))? {
        Step::Challenge(challenge) => String::from_utf8(challenge).unwrap(),
        Step::Success { username, final_data: None } if mechanism == Mechanism::Plain => return Ok(username),
        step => panic!("{step:?}"),
    };

    let sha1 = matches!(mechanism, Mechanism::ScramSha1 | Mechanism::ScramSha1Plus);
    let (hash, mac, derivation) = if sha1 {
        (&digest::SHA1_FOR_LEGACY_USE_ONLY, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, pbkdf2::PBKDF2_HMAC_SHA1)
    } else {
        (&digest::SHA256, hmac::HMAC_SHA256, pbkdf2::PBKDF2_HMAC_SHA256)
    };
    let mut parts = server_first.split(',').map(|part| &part[2..]);
    let (nonce, salt, iterations) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    assert!(nonce.starts_with("clientnonce") && nonce.len() > "clientnonce".len() + 16, "{nonce}");
    let salt = BASE64_STANDARD.decode(salt).unwrap();
    let mut salted = vec![0; hash.output_len()];
    pbkdf2::derive(derivation, iterations.parse().unwrap(), &salt, password.as_bytes(), &mut salted);
    let key = hmac::Key::new(mac, &salted);
    let client_key = hmac::sign(&key, b"Client Key");
    let stored_key = digest::digest(hash, client_key.as_ref());
    let mut binding = gs2.into_bytes();
    if flag.starts_with('p') {
        binding.extend(exporter);
    }
    let without_proof = format!("c={},r={nonce}", BASE64_STANDARD.encode(binding));
    let auth_message = format!("{bare},{server_first},{without_proof}");
    let signature = hmac::sign(&hmac::Key::new(mac, stored_key.as_ref()), auth_message.as_bytes());
    let proof: Vec<u8> = client_key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
    let last = format!("{without_proof},p={}", BASE64_STANDARD.encode(proof));
    match took(exchange.step(last.as_bytes()))? {
        Step::Success { username, final_data: Some(verifier) } => {
            let server_key = hmac::sign(&key, b"Server Key");
            let signature = hmac::sign(&hmac::Key::new(mac, server_key.as_ref()), auth_message.as_bytes());
            assert_eq!(verifier, format!("v={}", BASE64_STANDARD.encode(signature)).into_bytes());
            Ok(username)
        }
        step => panic!("{step:?}"),
    }
}

#[track_caller]
fn check(offer: &Offer, client: Client<'_>, expect: Result<&str, SaslFailure>) {
    let (_, outcome) = attempt(offer, client, Some(&record()));
    assert_eq!(outcome.as_deref().map_err(|failure| *failure), expect);
}

#[test]
fn what_is_offered() {
    use Mechanism::*;
    for (offer, expect) in [
        (PLAIN_TCP, vec![ScramSha256, ScramSha1]),
        (LOOPBACK, vec![ScramSha256, ScramSha1, Plain]),
        (TLS_12, vec![ScramSha256, ScramSha1, Plain]),
        (TLS_13, vec![ScramSha256Plus, ScramSha1Plus, ScramSha256, ScramSha1, Plain]),
        (Offer { tls: false, ..TLS_13 }, vec![ScramSha256, ScramSha1]),
    ] {
        assert_eq!(offer.mechanisms(), expect);
        for mechanism in Mechanism::ALL {
            let refused = Exchange::start(&offer, mechanism, DOMAIN).err();
            let expect = (!expect.contains(&mechanism)).then_some(SaslFailure::InvalidMechanism);
            assert_eq!(refused, expect, "{}", mechanism.name());
        }
    }
    for mechanism in Mechanism::ALL {
        assert_eq!(Mechanism::from_name(mechanism.name()), Some(mechanism));
    }
    for name in ["ANONYMOUS", "EXTERNAL", "LOGIN", "SCRAM-SHA-512", "plain", ""] {
        assert_eq!(Mechanism::from_name(name), None, "{name}");
    }
}

#[test]
fn the_right_password_and_no_other_one() {
    for mechanism in Mechanism::ALL {
        let client = Client::new(mechanism);
        check(&TLS_13, client, Ok("lisa"));
        for password in ["Pencil", "pencil ", "x"] {
            check(&TLS_13, Client { password, ..client }, Err(SaslFailure::NotAuthorized));
        }
    }
}

#[test]
fn a_name_has_one_form() {
    for (mechanism, name, expect) in [
        (Mechanism::ScramSha256, "LISA", Ok("lisa")),
        (Mechanism::Plain, "LISA", Ok("lisa")),
        (Mechanism::ScramSha256, "li=3Dsa", Ok("li=sa")),
        (Mechanism::ScramSha1, "li=2Csa", Ok("li,sa")),
        (Mechanism::Plain, "li=sa", Ok("li=sa")),
        // N'Ko is newer than Unicode 3.2: a name needs no SASLprep.
        (Mechanism::Plain, "ߊߋ", Ok("ߊߋ")),
        (Mechanism::ScramSha1, "li/sa", Err(SaslFailure::NotAuthorized)),
        (Mechanism::ScramSha1, "lisa@otter.jirani.alt", Err(SaslFailure::NotAuthorized)),
        (Mechanism::ScramSha1, "li sa", Err(SaslFailure::NotAuthorized)),
        (Mechanism::ScramSha1, "li<sa", Err(SaslFailure::NotAuthorized)),
        (Mechanism::ScramSha1, "li=sa", Err(SaslFailure::MalformedRequest)),
    ] {
        check(&TLS_13, Client { name, ..Client::new(mechanism) }, expect);
    }
}

#[test]
fn nobody_acts_for_somebody_else() {
    for mechanism in Mechanism::ALL {
        for (authzid, own) in [
            ("lisa@otter.jirani.alt", true),
            ("LISA@Otter.Jirani.ALT.", true),
            ("lisa", false),
            ("teacher@otter.jirani.alt", false),
            ("lisa@other.jirani.alt", false),
            ("lisa@otter.jirani.alt/phone", false),
            ("otter.jirani.alt", false),
            ("@otter.jirani.alt", false),
            ("lisa@otter.jirani.alt@x", false),
            ("\u{2163}@otter.jirani.alt", false),
        ] {
            let expect = if own { Ok("lisa") } else { Err(SaslFailure::InvalidAuthzid) };
            check(&TLS_13, Client { authzid, ..Client::new(mechanism) }, expect);
        }
    }
}

/// Attack case B04: wherever the first difference is, the answer is the same; the comparison itself is ring's, in constant
/// time.
#[test]
fn every_byte_of_a_record_counts() {
    let plain = |record: &[Credential]| {
        let mut exchange = Exchange::start(&LOOPBACK, Mechanism::Plain, DOMAIN).unwrap();
        exchange.step(b"\0lisa\0pencil");
        exchange.credentials(Some(record), &fake())
    };
    let record = record();
    assert!(matches!(plain(&record), Step::Success { .. }));
    let best = record.iter().position(|c| c.hash == ScramHash::Sha256).unwrap();
    for at in 0..record[best].server_key.len() {
        let mut wrong = record.clone();
        wrong[best].server_key[at] ^= 1;
        assert_eq!(plain(&wrong), Step::Failure(SaslFailure::NotAuthorized), "byte {at}");
    }
}

#[test]
fn channel_binding_is_what_was_agreed_on() {
    use Mechanism::*;
    use SaslFailure::*;
    for (offer, mechanism, flag, exporter, expect) in [
        (TLS_13, ScramSha256Plus, "p=tls-exporter", [41; 32], Err(NotAuthorized)),
        (TLS_13, ScramSha1Plus, "p=tls-exporter", [41; 32], Err(NotAuthorized)),
        (TLS_13, ScramSha256Plus, "p=tls-unique", EXPORTER, Err(NotAuthorized)),
        (TLS_13, ScramSha256Plus, "p=tls-server-end-point", EXPORTER, Err(NotAuthorized)),
        (TLS_13, ScramSha256Plus, "n", EXPORTER, Err(MalformedRequest)),
        (TLS_13, ScramSha256Plus, "y", EXPORTER, Err(MalformedRequest)),
        (TLS_13, ScramSha256, "p=tls-exporter", EXPORTER, Err(MalformedRequest)),
        (TLS_12, ScramSha256, "p=tls-exporter", EXPORTER, Err(MalformedRequest)),
        // The client could, and thinks that we cannot, though we offered it: somebody has changed our offer.
        (TLS_13, ScramSha256, "y", EXPORTER, Err(NotAuthorized)),
        (TLS_13, ScramSha1, "y", EXPORTER, Err(NotAuthorized)),
        (TLS_12, ScramSha256, "y", EXPORTER, Ok("lisa")),
        (LOOPBACK, ScramSha1, "y", EXPORTER, Ok("lisa")),
        (TLS_13, ScramSha256, "n", EXPORTER, Ok("lisa")),
    ] {
        check(&offer, Client { flag, exporter, ..Client::new(mechanism) }, expect);
    }
}

#[test]
fn who_does_not_exist_looks_like_who_does() {
    /// A step without what differs at each attempt.
    fn shape(step: &Step) -> String {
        match step {
            Step::Challenge(bytes) => {
                let text = String::from_utf8(bytes.clone()).unwrap();
                let (nonce, rest) = text.split_once(",s=").unwrap();
                let (salt, iterations) = rest.split_once(',').unwrap();
                format!("{} {} {iterations}", nonce.len(), salt.len())
            }
            step => format!("{step:?}"),
        }
    }
    let sha256_only: Vec<_> = record().into_iter().filter(|c| c.hash == ScramHash::Sha256).collect();
    let salt = |steps: &[Step]| match &steps[1] {
        Step::Challenge(bytes) => String::from_utf8(bytes.clone()).unwrap().split(",s=").nth(1).unwrap().to_string(),
        _ => String::new(),
    };
    for mechanism in Mechanism::ALL {
        let client = Client { password: "wrong", ..Client::new(mechanism) };
        let (real, outcome) = attempt(&TLS_13, client, Some(&record()));
        assert_eq!(outcome, Err(SaslFailure::NotAuthorized));
        for nobody in [None, Some(&[][..]), Some(&sha256_only[..0])] {
            let (unreal, _) = attempt(&TLS_13, client, nobody);
            let shapes = |steps: &[Step]| steps.iter().map(shape).collect::<Vec<_>>();
            assert_eq!(shapes(&unreal), shapes(&real), "{}", mechanism.name());
            let (again, _) = attempt(&TLS_13, Client { name: "LISA", ..client }, nobody);
            assert_eq!(salt(&again), salt(&unreal));
        }
    }
    // Who has no record of this family is nobody to it.
    let (steps, outcome) = attempt(&TLS_13, Client::new(Mechanism::ScramSha1), Some(&sha256_only));
    assert_eq!((steps.len(), outcome), (3, Err(SaslFailure::NotAuthorized)));
    // One family is enough for PLAIN.
    for one in record() {
        let (_, outcome) = attempt(&TLS_13, Client::new(Mechanism::Plain), Some(&[one]));
        assert_eq!(outcome, Ok("lisa".into()));
    }
}

#[test]
fn a_broken_record_is_not_the_clients_fault() {
    for mechanism in Mechanism::ALL {
        let mut broken = record();
        broken.iter_mut().for_each(|credential| {
            credential.iterations = 0;
            credential.stored_key.truncate(3);
        });
        let (_, outcome) = attempt(&TLS_13, Client::new(mechanism), Some(&broken));
        assert_eq!(outcome, Err(SaslFailure::TemporaryAuthFailure), "{}", mechanism.name());
    }
}

#[test]
fn an_empty_message_is_malformed() {
    for mechanism in Mechanism::ALL {
        let mut exchange = Exchange::start(&TLS_13, mechanism, DOMAIN).unwrap();
        assert_eq!(exchange.step(b""), Step::Failure(SaslFailure::MalformedRequest), "{}", mechanism.name());
    }
}

#[test]
fn out_of_turn_the_attempt_ends() {
    let malformed = Step::Failure(SaslFailure::MalformedRequest);
    let mut exchange = Exchange::start(&LOOPBACK, Mechanism::Plain, DOMAIN).unwrap();
    exchange.step(b"\0lisa\0pencil");
    assert_eq!(exchange.step(b"\0lisa\0pencil"), malformed);
    let over = Step::Failure(SaslFailure::TemporaryAuthFailure);
    assert_eq!(exchange.credentials(Some(&record()), &fake()), over);
    let mut exchange = Exchange::start(&LOOPBACK, Mechanism::Plain, DOMAIN).unwrap();
    exchange.step(b"\0lisa\0pencil");
    assert!(matches!(exchange.credentials(Some(&record()), &fake()), Step::Success { .. }));
    assert_eq!(exchange.step(b"\0lisa\0pencil"), malformed);
}

#[test]
fn a_proof_that_is_not_one() {
    for last in [
        "c=biws,r=NONCE,p=",
        "c=biws,r=NONCE,p=AAAA",
        "c=biws,r=NONCE,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "c=biws,r=NONCE,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "c=biws,r=NONCE,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "c=biws,r=NONCE,p=!!!!",
        "c=!,r=NONCE,p=AAAA",
        "c=eSws,r=NONCE,p=AAAA",
        "c=biws,r=clientnonce,p=AAAA",
        "c=biws,r=x,p=AAAA",
        "c=biws,r=NONCEx,p=AAAA",
    ] {
        let mut exchange = Exchange::start(&LOOPBACK, Mechanism::ScramSha1, DOMAIN).unwrap();
        exchange.step(b"n,,n=lisa,r=clientnonce");
        let Step::Challenge(challenge) = exchange.credentials(Some(&record()), &fake()) else { panic!() };
        let challenge = String::from_utf8(challenge).unwrap();
        let nonce = challenge.split(',').next().unwrap().strip_prefix("r=").unwrap();
        let step = exchange.step(last.replace("NONCE", nonce).as_bytes());
        assert!(
            matches!(step, Step::Failure(SaslFailure::NotAuthorized | SaslFailure::MalformedRequest)),
            "{last}: {step:?}"
        );
    }
}

/// A small generator (SplitMix64), so that a failure is found again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    /// The same message with a few bytes changed, gone, doubled, or of another kind.
    fn spoil(&mut self, message: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(message.len() + 1);
            let byte = *b",=\0npyacmr\xff\xc3A".get(self.below(16)).unwrap_or(&(at as u8));
            match self.below(4) {
                0 => message.insert(at, byte),
                1 => message.truncate(at),
                _ if at == message.len() => {}
                2 => drop(message.remove(at)),
                _ => message[at] = byte,
            }
        }
    }
}

#[test]
fn no_message_makes_it_panic_or_lets_a_stranger_in() {
    let (mut dice, mut got_far) = (Dice(1), 0);
    let record = record();
    for round in 0..40_000 {
        let mechanism = Mechanism::ALL[dice.below(5)];
        let mut first = match mechanism {
            Mechanism::Plain => b"lisa@otter.jirani.alt\0lisa\0wrong".to_vec(),
            _ if mechanism.is_plus() => b"p=tls-exporter,,n=lisa,r=nonce".to_vec(),
            _ => b"n,a=lisa@otter.jirani.alt,n=lisa,r=nonce".to_vec(),
        };
        if dice.below(2) == 0 {
            dice.spoil(&mut first);
        }
        let mut exchange = Exchange::start(&TLS_13, mechanism, DOMAIN).unwrap();
        if !matches!(exchange.step(&first), Step::NeedCredentials { .. }) {
            continue;
        }
        let Step::Challenge(mut challenge) = exchange.credentials(Some(&record), &fake()) else { continue };
        challenge.truncate(challenge.iter().position(|b| *b == b',').unwrap());
        let mut last = [b"c=biws,", &challenge[..], b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="].concat();
        dice.spoil(&mut last);
        got_far += 1;
        let step = exchange.step(&last);
        assert!(matches!(step, Step::Failure(_)), "round {round}: {step:?}");
    }
    assert!(got_far > 10_000, "{got_far}");
}

#[test]
fn an_exchange_can_move_to_another_thread() {
    let mut exchange = Exchange::start(&LOOPBACK, Mechanism::ScramSha1, DOMAIN).unwrap();
    exchange.step(b"n,,n=lisa,r=nonce");
    exchange.credentials(Some(&record()), &fake());
    let step = std::thread::spawn(move || exchange.step(b"")).join().unwrap();
    assert_eq!(step, Step::Failure(SaslFailure::MalformedRequest));
}
