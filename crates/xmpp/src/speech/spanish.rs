//! All that the daemon says, in Spanish.

use base::{Audience, Circle};
use mesh::finding::Reason;
use mesh::verification::Cause;

use super::{Absence, Menu, Span, Text, Verb, count, lines, minutes};

/// The words of the commands.
pub(super) const VERBS: &[(Verb, &[&str])] = &[
    (Verb::Help, &["ayuda"]),
    (Verb::Who, &["quién", "quiénes", "lista"]),
    (Verb::Why, &["por qué", "porqué"]),
    (Verb::Verify, &["verificar", "verifica", "comprobar"]),
    (Verb::Yes, &["sí"]),
    (Verb::No, &["no"]),
    (Verb::Hide, &["ocultar", "oculta"]),
    (Verb::Show, &["mostrar", "muestra"]),
    (Verb::Requests, &["solicitudes"]),
    (Verb::Accept, &["aceptar", "acepta"]),
    (Verb::Decline, &["rechazar", "rechaza"]),
];

/// Who may see a person.
pub(super) const AUDIENCES: &[(Audience, &[&str])] = &[
    (Audience::Nobody, &["nadie"]),
    (Audience::Green, &["conocidos", "verde"]),
    (Audience::Yellow, &["amigos", "amarillo"]),
    (Audience::All, &["todos", "todo el mundo"]),
];

/// Says it.
pub(super) fn say(text: &Text<'_>) -> String {
    match text {
        Text::Status(0) => "nadie cerca".into(),
        Text::Status(n) => format!("{} cerca", people(*n)),
        Text::Greeting(n, names) => format!(
            "Hola, soy Jirani: llevo tus mensajes desde este ordenador a la gente que está cerca. {} Escribe ayuda para ver \
             qué puedes preguntarme.",
            near(*n, names)
        ),
        Text::Help => "Puedes escribirme:\n\
             quién – quién está cerca\n\
             por qué – por qué no hay nadie cerca\n\
             verificar NOMBRE – comprobar que alguien es quien dice, con tres palabras en las dos pantallas\n\
             mostrar – quién puede verte y cómo cambiarlo\n\
             ocultar – que nadie te vea\n\
             ocultar NOMBRE – quitar a alguien de tu lista\n\
             mostrar NOMBRE – volver a ponerlo\n\
             solicitudes – quién quiere ser tu contacto sin que le dejes verte\n\
             aceptar DIRECCIÓN – que sea tu contacto\n\
             rechazar DIRECCIÓN – que no lo sea\n\
             bonjour on – que te vean también otros programas de esta red (Bonjour)"
            .into(),
        Text::NotUnderstood => "No entiendo eso. Escribe ayuda para ver qué puedes preguntarme.".into(),
        Text::TooFast => "Es demasiado para mí de una vez. Espera un minuto y sigue.".into(),
        Text::Who(0, _) => "No hay nadie cerca. Escribe por qué para ver cuál puede ser la causa.".into(),
        Text::Who(n, shown) => lines(
            format!("{} cerca:", are(*n)),
            shown,
            |person| format!("{}, {}", circle(person.circle), here(&Span::of(person.here))),
            (*n > shown.len()).then(|| format!("y {} más", n - shown.len())),
        ),
        Text::Why(absence) => why(*absence).into(),
        Text::WhoIsMeant => "Escribe también a quién: verificar NOMBRE. Escribe quién para ver los nombres.".into(),
        Text::NobodyCalled(name) => {
            format!("Nadie cerca se llama {name}. Escribe quién para ver los nombres.")
        }
        Text::Several(name, addresses) => {
            format!(
                "Hay más de una persona llamada {name}. Escribe la dirección entera de una:\n{}",
                addresses.join("\n")
            )
        }
        Text::Audience(audience) => format!(
            "{} Para cambiarlo, escribe: mostrar todos, mostrar amigos, mostrar conocidos, u ocultar.",
            match audience {
                Audience::Nobody => "Ahora nadie puede verte. Solo tus contactos pueden escribirte.",
                Audience::Green => "Te ve la gente que conoces: quienes has verificado y los de tu comunidad.",
                Audience::Yellow => "Te ve la gente que conoces y aquellos por quienes responden dos de ellos.",
                Audience::All => "Te ve toda la gente que está cerca.",
            }
        ),
        Text::Hidden(name, address) => {
            format!("{name} ya no está en tu lista. Para deshacerlo, escribe: mostrar {address}")
        }
        Text::IsContact(name) => format!("{name} está entre tus contactos. Quita primero el contacto."),
        Text::NobodyHidden(name) => {
            format!("No has ocultado a nadie llamado {name}. Escribe mostrar para ver quién puede verte.")
        }
        Text::NobodyIsHidden => "No has ocultado a nadie.".into(),
        Text::Shown(name) => format!("{name} volverá a estar en tu lista cuando esté cerca."),
        Text::Bonjour(on) => match on {
            Some(true) => {
                "Otros programas de esta red (Bonjour) te ven, y tú los ves. Allí nadie demuestra quién es, y \
                 nada va cifrado. Para cambiarlo, escribe: bonjour off"
            }
            Some(false) => "Otros programas de esta red (Bonjour) no te ven. Para cambiarlo, escribe: bonjour on",
            None => {
                "Otros programas de esta red (Bonjour) te ven solo mientras te ve toda la gente que está cerca. \
                 Para eso, escribe: mostrar todos"
            }
        }
        .into(),
        Text::Requests(0, _) => "Nadie espera para ser tu contacto.".into(),
        Text::Requests(n, shown) => format!(
            "{} ser tu contacto. Escribe aceptar o rechazar y una de estas direcciones:\n{}{}",
            match *n {
                1 => "1 persona quiere".to_owned(),
                n => format!("{} quieren", people(n)),
            },
            shown.join("\n"),
            if *n > shown.len() { format!("\ny {} más", n - shown.len()) } else { String::new() },
        ),
        Text::Accepted(name) => format!("{name} es tu contacto ahora."),
        Text::ListFull(address) => {
            format!("Tu lista de contactos está llena. Quita primero a alguien y luego escribe: aceptar {address}")
        }
        Text::Declined(name) => format!("{name} no es tu contacto."),
        Text::NobodyAsked(name) => {
            format!("Nadie con la dirección {name} lo ha pedido. Escribe solicitudes para ver las direcciones.")
        }
        Text::Waiting(name) => format!("He preguntado a {name}. Las palabras vendrán cuando {name} diga que sí."),
        Text::Asked(name, address) => format!(
            "{name} ({address}) quiere asegurarse contigo de que no hay nadie entre vuestros ordenadores. ¿Estáis juntos? \
             Escribe sí y comparad tres palabras en vuestras pantallas. Si no, escribe no."
        ),
        Text::Compare(name, [a, b, c]) => {
            format!(
                "La pantalla de {name} debe mostrar las mismas tres palabras:\n{a} {b} {c}\n¿Es así? Escribe sí o no."
            )
        }
        Text::Verified(name) => format!("Ya es seguro: es {name}, y no hay nadie entre vuestros ordenadores."),
        Text::NotVerified(name, cause) => format!("{name} está sin verificar: {}.", failed(*cause)),
        Text::NoQuestion => {
            "No hay nada a lo que decir sí o no. Para comparar palabras, escribe: verificar NOMBRE".into()
        }
        Text::KeyChanged(address) => format!(
            "Alguien cerca de ti dice que es {address}, pero muestra otra llave que antes. Quizá tiene un ordenador nuevo; \
             quizá es otra persona. No se entrega nada de ni para esa dirección. Pregunta a {address} en persona. Si es \
             correcto, escribe en este ordenador: jirani accept {address}"
        ),
        Text::Title(menu) => match menu {
            Menu::Who => "Quién está cerca",
            Menu::Why => "Por qué no hay nadie cerca",
            Menu::Verify => "Verificar a alguien",
            Menu::Audience => "Quién puede verme",
            Menu::Hide => "Quitar a alguien de mi lista",
            Menu::Show => "Devolver a alguien a mi lista",
            Menu::Requests => "Quién quiere ser mi contacto",
            Menu::Bonjour => "Que otros programas de esta red me vean",
            Menu::Help => "Qué puedes preguntar",
        }
        .into(),
        Text::Reply(true) => "Que sea mi contacto".into(),
        Text::Reply(false) => "Que no sea mi contacto".into(),
        Text::Choose => "¿A quién te refieres?".into(),
        Text::Choice(audience) => match audience {
            Audience::Nobody => "Nadie",
            Audience::Green => "La gente que conozco",
            Audience::Yellow => "La gente que conozco y aquellos por quienes responden dos personas que he verificado",
            Audience::All => "Toda la gente que está cerca",
        }
        .into(),
        Text::GoesOnInChat => "Sigue en tu conversación con Jirani.".into(),
    }
}

fn people(n: usize) -> String {
    count(n as u64, "persona", "personas")
}

fn are(n: usize) -> String {
    format!("Hay {}", people(n))
}

fn near(n: usize, names: &[String]) -> String {
    match n {
        0 => "Todavía no hay nadie cerca.".into(),
        n if n > names.len() => format!("{} cerca: {} y {} más.", are(n), names.join(", "), n - names.len()),
        n => format!("{} cerca: {}.", are(n), names.join(", ")),
    }
}

fn circle(circle: Circle) -> &'static str {
    match circle {
        Circle::Green => "identidad verificada",
        Circle::Yellow => "otros responden por esta persona",
        Circle::Red => "sin verificar",
    }
}

fn here(span: &Span) -> String {
    match span {
        Span::Short => "acaba de llegar".into(),
        Span::Minutes(n) => format!("aquí desde hace {}", count(*n, "minuto", "minutos")),
        Span::Hours(n) => format!("aquí desde hace {}", count(*n, "hora", "horas")),
        Span::Days(n) => format!("aquí desde hace {}", count(*n, "día", "días")),
    }
}

fn why(absence: Absence) -> &'static str {
    match absence {
        Absence::LinksOff => {
            "Este ordenador no busca a nadie: los enlaces están apagados. Quien lo cuida puede encenderlos (`links` en la \
             configuración)."
        }
        Absence::Hiding => {
            "No dejas que nadie te vea, y por eso no ves a nadie. Para cambiarlo, escribe: mostrar todos"
        }
        Absence::Looking => "Todavía estoy buscando. Si hay alguien, aparecerá en un minuto.",
        Absence::Because(reason) => match reason {
            Reason::NoInterface => {
                "Este ordenador no está conectado a ninguna red. Conecta un cable o entra en el mismo Wi-Fi que los demás."
            }
            Reason::NoMulticast => {
                "Este ordenador solo está conectado por un túnel (una VPN), y ahí no hay vecinos. Entra también en el mismo \
                 Wi-Fi que los demás."
            }
            Reason::Unheard => {
                "Lo que anuncio no vuelve ni a mí. Quizá un cortafuegos de este ordenador, u otro programa, ocupa el puerto \
                 UDP 5353."
            }
            Reason::Isolated => {
                "Hay otros ordenadores, pero este Wi-Fi los mantiene separados. Usa otra red o cámbialo en el punto de acceso."
            }
            Reason::Nobody { wireless: false } => "Nadie más responde en esta red. ¿Está Jirani en marcha allí?",
            Reason::Nobody { wireless: true } => {
                "Nadie más responde en este Wi-Fi. ¿Está Jirani en marcha allí? Si lo está, quizá el Wi-Fi mantiene \
                 separados los ordenadores."
            }
        },
    }
}

fn failed(cause: Cause) -> String {
    match cause {
        Cause::NotInReach => "no está cerca".into(),
        Cause::TooOften { again_in } => {
            format!(
                "se ha intentado demasiadas veces; prueba dentro de {}",
                count(minutes(again_in), "minuto", "minutos")
            )
        }
        Cause::Refused => "ahora no quiere".into(),
        Cause::RefusedHere => "has dicho que no".into(),
        Cause::Differed => "vio otras palabras; puede haber alguien entre vuestros ordenadores".into(),
        Cause::NoAnswer => "nadie contestó a tiempo".into(),
        Cause::LeftReach => "se ha ido".into(),
        Cause::LinkChanged => "la conexión entre vuestros ordenadores ha cambiado; empezad los dos de nuevo".into(),
        Cause::Cheated => "el otro ordenador no ha cumplido las reglas; puede haber alguien en medio".into(),
        Cause::Busy => "uno de los dos compara palabras con otra persona; prueba dentro de unos minutos".into(),
        Cause::NothingToSay => "no hay palabras a las que decir sí o no".into(),
        Cause::Hidden => "esa persona no puede verte; escribe primero mostrar todos".into(),
        Cause::CannotVouch => "este ordenador no tiene una llave con la que puedas responder por esa persona".into(),
        Cause::Unwritten => "no se pudo guardar en este ordenador; inténtalo de nuevo".into(),
        Cause::Full => "este ordenador ya recuerda a toda la gente que puede".into(),
    }
}
