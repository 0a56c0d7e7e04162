//! All that the daemon says, in Portuguese.

use base::{Audience, Circle};
use mesh::finding::Reason;
use mesh::verification::Cause;

use super::{Absence, Menu, Span, Text, Verb, count, lines, minutes};

/// The words of the commands.
pub(super) const VERBS: &[(Verb, &[&str])] = &[
    (Verb::Help, &["ajuda"]),
    (Verb::Who, &["quem", "lista"]),
    (Verb::Why, &["por que", "porquê"]),
    (Verb::Verify, &["verificar", "verifica"]),
    (Verb::Yes, &["sim"]),
    (Verb::No, &["não"]),
    (Verb::Hide, &["esconder", "esconde"]),
    (Verb::Show, &["mostrar", "mostra"]),
    (Verb::Requests, &["pedidos"]),
    (Verb::Accept, &["aceitar", "aceita"]),
    (Verb::Decline, &["recusar", "recusa"]),
];

/// Who may see a person.
pub(super) const AUDIENCES: &[(Audience, &[&str])] = &[
    (Audience::Nobody, &["ninguém"]),
    (Audience::Green, &["conhecidos", "verde"]),
    (Audience::Yellow, &["amigos", "amarelo"]),
    (Audience::All, &["todos", "toda a gente", "todo mundo"]),
];

/// Says it.
pub(super) fn say(text: &Text<'_>) -> String {
    match text {
        Text::Status(0) => "ninguém por perto".into(),
        Text::Status(n) => format!("{} por perto", people(*n)),
        Text::Greeting(n, names) => format!(
            "Olá, sou o Jirani: levo as tuas mensagens deste computador às pessoas à tua volta. {} Escreve ajuda para ver o \
             que me podes perguntar.",
            near(*n, names)
        ),
        Text::Help => "Podes escrever-me:\n\
             quem – quem está por perto\n\
             por que – por que não há ninguém por perto\n\
             verificar NOME – ter a certeza de que alguém é quem diz, com três palavras nos dois ecrãs\n\
             mostrar – quem te pode ver e como mudar isso\n\
             esconder – que ninguém te veja\n\
             esconder NOME – tirar alguém da tua lista\n\
             mostrar NOME – voltar a pô-lo\n\
             pedidos – quem quer ser teu contacto sem que o deixes ver-te\n\
             aceitar ENDEREÇO – que seja teu contacto\n\
             recusar ENDEREÇO – que não seja\n\
             bonjour on – ser visto também por outros programas desta rede (Bonjour)"
            .into(),
        Text::NotUnderstood => "Não entendo isso. Escreve ajuda para ver o que me podes perguntar.".into(),
        Text::TooFast => "É demais para mim de uma vez. Espera um minuto e continua.".into(),
        Text::Who(0, _) => "Não há ninguém por perto. Escreve por que para ver qual pode ser a causa.".into(),
        Text::Who(n, shown) => lines(
            format!("{} por perto:", are(*n)),
            shown,
            |person| format!("{}, {}", circle(person.circle), here(&Span::of(person.here))),
            (*n > shown.len()).then(|| format!("e mais {}", n - shown.len())),
        ),
        Text::Why(absence) => why(*absence).into(),
        Text::WhoIsMeant => "Escreve também quem: verificar NOME. Escreve quem para ver os nomes.".into(),
        Text::NobodyCalled(name) => {
            format!("Ninguém por perto se chama {name}. Escreve quem para ver os nomes.")
        }
        Text::Several(name, addresses) => {
            format!(
                "Há mais de uma pessoa chamada {name}. Escreve o endereço inteiro de uma:\n{}",
                addresses.join("\n")
            )
        }
        Text::Audience(audience) => format!(
            "{} Para mudar isso, escreve: mostrar todos, mostrar amigos, mostrar conhecidos, ou esconder.",
            match audience {
                Audience::Nobody => "Agora ninguém te pode ver. Só os teus contactos te podem escrever.",
                Audience::Green => "As pessoas que conheces podem ver-te: as que verificaste e as da tua comunidade.",
                Audience::Yellow => "Podem ver-te as pessoas que conheces e aquelas por quem duas delas respondem.",
                Audience::All => "Todas as pessoas por perto te podem ver.",
            }
        ),
        Text::Hidden(name, address) => {
            format!("{name} já não está na tua lista. Para desfazer isso, escreve: mostrar {address}")
        }
        Text::IsContact(name) => format!("{name} é teu contacto. Tira primeiro o contacto."),
        Text::NobodyHidden(name) => {
            format!("Não escondeste ninguém chamado {name}. Escreve mostrar para ver quem te pode ver.")
        }
        Text::NobodyIsHidden => "Não escondeste ninguém.".into(),
        Text::Shown(name) => format!("{name} volta a estar na tua lista quando estiver por perto."),
        Text::Bonjour(on) => match on {
            Some(true) => {
                "Outros programas desta rede (Bonjour) veem-te, e tu vê-los. Aí ninguém prova quem é, e nada vai \
                 cifrado. Para mudar isso, escreve: bonjour off"
            }
            Some(false) => "Outros programas desta rede (Bonjour) não te veem. Para mudar isso, escreve: bonjour on",
            None => {
                "Outros programas desta rede (Bonjour) só te veem enquanto todas as pessoas por perto te podem \
                 ver. Para isso, escreve: mostrar todos"
            }
        }
        .into(),
        Text::Requests(0, _) => "Ninguém espera para ser teu contacto.".into(),
        Text::Requests(n, shown) => format!(
            "{} ser teu contacto. Escreve aceitar ou recusar e um destes endereços:\n{}{}",
            match *n {
                1 => "1 pessoa quer".to_owned(),
                n => format!("{} querem", people(n)),
            },
            shown.join("\n"),
            if *n > shown.len() { format!("\ne mais {}", n - shown.len()) } else { String::new() },
        ),
        Text::Accepted(name) => format!("{name} é agora teu contacto."),
        Text::ListFull(address) => {
            format!("A tua lista de contactos está cheia. Tira primeiro alguém e depois escreve: aceitar {address}")
        }
        Text::Declined(name) => format!("{name} não é teu contacto."),
        Text::NobodyAsked(name) => {
            format!("Ninguém com o endereço {name} o pediu. Escreve pedidos para ver os endereços.")
        }
        Text::Waiting(name) => format!("Perguntei a {name}. As palavras vêm quando {name} disser que sim."),
        Text::Asked(name, address) => format!(
            "{name} ({address}) quer ter a certeza contigo de que não há ninguém entre os vossos computadores. Estão juntos? \
             Escreve sim, e comparem três palavras nos ecrãs. Se não, escreve não."
        ),
        Text::Compare(name, [a, b, c]) => {
            format!(
                "O ecrã de {name} tem de mostrar as mesmas três palavras:\n{a} {b} {c}\nMostra? Escreve sim ou não."
            )
        }
        Text::Verified(name) => format!("Agora é certo: é {name}, e não há ninguém entre os vossos computadores."),
        Text::NotVerified(name, cause) => format!("{name} continua sem verificação: {}.", failed(*cause)),
        Text::NoQuestion => {
            "Não há nada a que dizer sim ou não. Para comparar palavras, escreve: verificar NOME".into()
        }
        Text::KeyChanged(address) => format!(
            "Alguém perto de ti diz que é {address}, mas mostra outra chave que antes. Talvez tenha um computador novo; \
             talvez seja outra pessoa. Nada é entregue de nem para esse endereço. Pergunta a {address} em pessoa. Se estiver \
             certo, escreve neste computador: jirani accept {address}"
        ),
        Text::Title(menu) => match menu {
            Menu::Who => "Quem está por perto",
            Menu::Why => "Por que não há ninguém por perto",
            Menu::Verify => "Verificar alguém",
            Menu::Audience => "Quem me pode ver",
            Menu::Hide => "Tirar alguém da minha lista",
            Menu::Show => "Voltar a pôr alguém na minha lista",
            Menu::Requests => "Quem quer ser meu contacto",
            Menu::Bonjour => "Que outros programas desta rede me vejam",
            Menu::Help => "O que podes perguntar",
        }
        .into(),
        Text::Reply(true) => "Que seja meu contacto".into(),
        Text::Reply(false) => "Que não seja meu contacto".into(),
        Text::Choose => "De quem se trata?".into(),
        Text::Choice(audience) => match audience {
            Audience::Nobody => "Ninguém",
            Audience::Green => "As pessoas que conheço",
            Audience::Yellow => "As pessoas que conheço e aquelas por quem respondem duas pessoas que verifiquei",
            Audience::All => "Todas as pessoas por perto",
        }
        .into(),
        Text::GoesOnInChat => "Continua na tua conversa com o Jirani.".into(),
    }
}

fn people(n: usize) -> String {
    count(n as u64, "pessoa", "pessoas")
}

fn are(n: usize) -> String {
    format!("Há {}", people(n))
}

fn near(n: usize, names: &[String]) -> String {
    match n {
        0 => "Ainda não há ninguém por perto.".into(),
        n if n > names.len() => format!("{} por perto: {} e mais {}.", are(n), names.join(", "), n - names.len()),
        n => format!("{} por perto: {}.", are(n), names.join(", ")),
    }
}

fn circle(circle: Circle) -> &'static str {
    match circle {
        Circle::Green => "identidade verificada",
        Circle::Yellow => "outros respondem por esta pessoa",
        Circle::Red => "não verificado",
    }
}

fn here(span: &Span) -> String {
    match span {
        Span::Short => "acabou de chegar".into(),
        Span::Minutes(n) => format!("aqui há {}", count(*n, "minuto", "minutos")),
        Span::Hours(n) => format!("aqui há {}", count(*n, "hora", "horas")),
        Span::Days(n) => format!("aqui há {}", count(*n, "dia", "dias")),
    }
}

fn why(absence: Absence) -> &'static str {
    match absence {
        Absence::LinksOff => {
            "Este computador não procura ninguém: as ligações estão desligadas. Quem cuida dele pode ligá-las (`links` na \
             configuração)."
        }
        Absence::Hiding => {
            "Não deixas que ninguém te veja, e assim não vês ninguém. Para mudar isso, escreve: mostrar todos"
        }
        Absence::Looking => "Ainda estou à procura. Se houver alguém, aparece dentro de um minuto.",
        Absence::Because(reason) => match reason {
            Reason::NoInterface => {
                "Este computador não está ligado a nenhuma rede. Liga um cabo ou entra no mesmo Wi-Fi que os outros."
            }
            Reason::NoMulticast => {
                "Este computador só está ligado por um túnel (uma VPN), e aí não há vizinhos. Entra também no mesmo Wi-Fi \
                 que os outros."
            }
            Reason::Unheard => {
                "O que anuncio nem sequer volta a mim. Talvez uma firewall deste computador, ou outro programa, ocupe a \
                 porta UDP 5353."
            }
            Reason::Isolated => {
                "Há outros computadores, mas este Wi-Fi mantém-nos separados. Usa outra rede ou muda isso no ponto de acesso."
            }
            Reason::Nobody { wireless: false } => "Mais ninguém responde nesta rede. O Jirani está a funcionar lá?",
            Reason::Nobody { wireless: true } => {
                "Mais ninguém responde neste Wi-Fi. O Jirani está a funcionar lá? Se está, talvez o Wi-Fi mantenha os \
                 computadores separados."
            }
        },
    }
}

fn failed(cause: Cause) -> String {
    match cause {
        Cause::NotInReach => "não está por perto".into(),
        Cause::TooOften { again_in } => {
            format!(
                "houve tentativas a mais; tenta de novo dentro de {}",
                count(minutes(again_in), "minuto", "minutos")
            )
        }
        Cause::Refused => "agora não quer".into(),
        Cause::RefusedHere => "disseste que não".into(),
        Cause::Differed => "viu outras palavras; pode haver alguém entre os vossos computadores".into(),
        Cause::NoAnswer => "ninguém respondeu a tempo".into(),
        Cause::LeftReach => "foi-se embora".into(),
        Cause::LinkChanged => "a ligação entre os vossos computadores mudou; comecem os dois de novo".into(),
        Cause::Cheated => "o outro computador não cumpriu as regras; pode haver alguém no meio".into(),
        Cause::Busy => "um dos dois compara palavras com outra pessoa; tenta de novo dentro de alguns minutos".into(),
        Cause::NothingToSay => "não há palavras a que dizer sim ou não".into(),
        Cause::Hidden => "essa pessoa não te pode ver; escreve primeiro mostrar todos".into(),
        Cause::CannotVouch => "este computador não tem uma chave com que possas responder por ela".into(),
        Cause::Unwritten => "não foi possível guardar isto neste computador; tenta de novo".into(),
        Cause::Full => "este computador já se lembra de todas as pessoas que pode".into(),
    }
}
