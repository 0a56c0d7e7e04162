//! What people write to each other at school and at home, in five languages: beginnings, middles and ends that are put
//! together, and the words that fill their gaps.

use crate::random::Random;

/// One language.
pub(crate) struct Language {
    /// Its code in `xml:lang`.
    pub(crate) code: &'static str,
    /// Its most common words, the most common first.
    words: &'static str,
    /// Whole short messages.
    short: &'static [&'static str],
    /// Sentences; `_` is a thing, `@` a person, `#` a time or place.
    sentences: &'static [&'static str],
    things: &'static [&'static str],
    times: &'static [&'static str],
}

const PEOPLE: &[&str] = &[
    "Maria", "Paulo", "Juma", "Amina", "Ana", "Luis", "Sofia", "Diego", "Marie", "Jean", "Fatou", "Moussa", "Rosa",
    "Pedro", "Asha", "Baraka", "Neema", "Grace", "John", "Emma", "Sam", "Lucia", "Carlos", "Ines", "Chloe", "Omar",
];

pub(crate) const LANGUAGES: [Language; 5] = [
    Language {
        code: "en",
        words: "the to you I and a of is it in that for my me on do have are be was can with this not at so we what your just \
            but know he if like will they all she no get go one out up about good now how when time see did there think want \
            day back from come some really had or has going would who as her him an here need too then them us why today more \
            been were where off could right his got still because night much work people say tomorrow make over something \
            than well home only very our way also again take help even love tell new after never thing little first sure oh \
            look let other any before maybe these down last great should long money always next better two guys feel ask find \
            week done everything getting which man things old happy put life wait already friend best call mean keep give \
            might thought morning late school talk into place someone later nice made year bad thanks cool while yeah around \
            every another same anyone must believe house big read hear since watch away stay nothing doing start play ready \
            having both many girl boy food water room class hour soon family mother father sister brother children teacher \
            friends started finished eat sleep yesterday weekend once until through each anything wrong idea hope try send \
            bring left found change leave own hard half three ten phone door car road town tired hungry cold hot rain sun \
            walk run learn write number",
        short: &[
            "ok",
            "yes",
            "no",
            "thanks",
            "thank you very much",
            "hello",
            "hi",
            "good morning",
            "good night",
            "see you later",
            "lol",
            "what?",
            "where are you?",
            "how are you?",
            "I don't know",
            "me too",
            "sure",
            "wait",
            "please",
            "never mind",
            "great!",
            "sorry",
            "of course",
            "on my way",
            "call me",
            "what do you think?",
            "that's right",
            ":)",
            "haha",
        ],
        sentences: &[
            "Can you send me the _ please?",
            "I have not seen @ today, have you?",
            "The teacher said we need the _ for #.",
            "Do you want to come to my house #?",
            "I will be there #, wait for me",
            "Let's meet # and do the _ together",
            "Did you finish the _? I am still working on it",
            "My mother says I have to be home #",
            "What time does the _ start?",
            "I think @ has the _, ask them",
            "We are going to the _ #, are you coming?",
            "Could you help me with the _? I don't understand it",
            "This is what I was talking about: the _",
            "There is no _ here because the power went out again",
            "How was the _ #? We missed you",
            "I just wanted to know if everything is all right with you",
            "You should have told me about that before",
            "He said that they would bring the _ back #",
            "It was really good, thank you for the _!",
            "Is it true that @ and @ won the _?",
            "I can't find my _, did I leave it with you?",
            "Happy birthday! I hope you have a wonderful day",
            "Please tell @ that the _ is ready",
            "That would be nice, but I must learn for the _ first",
            "They have been waiting for the _ since this morning",
        ],
        things: &[
            "homework", "book", "exercise", "photo", "game", "match", "school", "market", "test", "computer", "bus",
            "file", "meeting", "lesson", "song", "picture", "message", "list", "question", "story", "map", "project",
            "phone", "key",
        ],
        times: &[
            "tomorrow",
            "today",
            "at five",
            "after school",
            "on Monday",
            "in the evening",
            "next week",
            "at the library",
        ],
    },
    Language {
        code: "es",
        words: "que de no a la el y es en lo un por me te se los una con mi para está si bien pero yo eso las su tu al del \
            como le más esto ya todo esta muy ha qué hay ahora algo estoy tengo nada cuando él así puedo sé eres vamos o aquí \
            ella era porque tiene sí hacer solo mucho ser voy ir fue va son he casa quiero creo bueno gracias dos ese favor \
            hoy mañana vida donde tiempo noche nos siempre mejor día dónde tan hasta quién gente cómo nunca mismo sólo antes \
            hace estás puedes momento hola decir sin otra tal vez años cosas mis claro verdad dice estaba otro esa cada \
            tienes amigo había ver poco lugar quieres están también trabajo cosa nuestro luego madre hermano hermana amigos \
            padre niños escuela clase mamá papá tarde semana después comida agua lunes viernes fin ayer calle pueblo coche \
            dinero idea pregunta nadie todos dijo sabes sabe cuándo tener estar saber llegar salir comer dormir jugar leer \
            escribir hablar esperar buscar traer mandar llamar terminar empezar ayudar grande pequeño nuevo viejo listo lista \
            cansado feliz juntos cerca lejos rápido",
        short: &[
            "vale",
            "sí",
            "no",
            "gracias",
            "muchas gracias",
            "hola",
            "buenos días",
            "buenas noches",
            "hasta luego",
            "jaja",
            "¿qué?",
            "¿dónde estás?",
            "¿cómo estás?",
            "no sé",
            "yo también",
            "claro",
            "espera",
            "por favor",
            "no importa",
            "¡genial!",
            "perdón",
            "por supuesto",
            "ya voy",
            "llámame",
            "¿qué te parece?",
            "está bien",
            "muy bien",
        ],
        sentences: &[
            "¿Me puedes mandar _ por favor?",
            "Hoy no he visto a @, ¿y tú?",
            "La profesora dijo que necesitamos _ para #.",
            "¿Quieres venir a mi casa #?",
            "Voy a estar allí #, espérame",
            "Nos vemos # y hacemos _ juntos",
            "¿Terminaste _? Yo todavía estoy trabajando",
            "Mi mamá dice que tengo que estar en casa #",
            "¿A qué hora empieza _?",
            "Creo que @ tiene _, pregúntale",
            "Vamos a _ #, ¿vienes con nosotros?",
            "¿Me ayudas con _? No lo entiendo",
            "Esto es lo que te decía de _",
            "Aquí no hay _ porque se fue la luz otra vez",
            "¿Qué tal _ #? Te echamos de menos",
            "Solo quería saber si todo está bien",
            "Tenías que habérmelo dicho antes",
            "Dijo que iban a traer _ #",
            "Estuvo muy bueno, ¡gracias por _!",
            "¿Es verdad que @ y @ ganaron _?",
            "No encuentro _, ¿lo dejé contigo?",
            "¡Feliz cumpleaños! Que tengas un lindo día",
            "Dile a @ que _ está listo",
        ],
        things: &[
            "la tarea",
            "el libro",
            "el ejercicio",
            "la foto",
            "el juego",
            "el partido",
            "la escuela",
            "el mercado",
            "el examen",
            "la computadora",
            "el archivo",
            "la reunión",
            "la clase",
            "la canción",
            "la lista",
            "la pregunta",
        ],
        times: &["mañana", "hoy", "a las cinco", "después de clase", "el lunes", "por la tarde", "la próxima semana"],
    },
    Language {
        code: "fr",
        words: "de je est pas le vous la tu que un il et à a ne les ce en on ça une ai pour des moi qui nous mais y me dans \
            bien elle si tout plus non mon suis te au avec va oui toi fait ils as être faire se comme était sur quoi ici sais \
            lui dit veux là pourquoi rien où votre dire cette tous peux son pense peut ton quand alors jamais sont très aussi \
            sa deux par quelque bon soir aller temps vie chose peu encore trop faut leur ma vrai juste avez voir êtes mes \
            jour avoir homme veut même notre ou merci sans tes mal autre peur fois après vraiment parler personne toujours \
            avant seul besoin maintenant maison heure père mère petit petite matin demain hier semaine école classe frère \
            sœur ami amis enfants eau nuit argent train voiture porte rue ville cours livre jeu musique téléphone idée \
            question problème travail manger dormir jouer lire écrire attendre chercher apporter envoyer appeler finir \
            commencer aider grand nouveau vieux prêt fatigué content ensemble près loin vite donc parce ceux chez entre \
            beaucoup moins presque aujourd'hui bientôt",
        short: &[
            "d'accord",
            "oui",
            "non",
            "merci",
            "merci beaucoup",
            "bonjour",
            "salut",
            "bonne nuit",
            "à plus tard",
            "mdr",
            "quoi ?",
            "où es-tu ?",
            "comment ça va ?",
            "je ne sais pas",
            "moi aussi",
            "bien sûr",
            "attends",
            "s'il te plaît",
            "ce n'est pas grave",
            "super !",
            "désolé",
            "j'arrive",
            "appelle-moi",
            "qu'en penses-tu ?",
            "c'est ça",
            "ça marche",
        ],
        sentences: &[
            "Tu peux m'envoyer _ s'il te plaît ?",
            "Je n'ai pas vu @ aujourd'hui, et toi ?",
            "Le professeur a dit qu'il nous faut _ pour #.",
            "Tu veux venir chez moi # ?",
            "Je serai là #, attends-moi",
            "On se retrouve # pour faire _ ensemble",
            "Tu as fini _ ? Moi je suis encore dessus",
            "Ma mère dit que je dois être à la maison #",
            "À quelle heure commence _ ?",
            "Je crois que @ a _, demande-lui",
            "Nous allons voir _ #, tu viens avec nous ?",
            "Est-ce que tu peux m'aider pour _ ? Je ne comprends pas",
            "C'est ce que je te disais pour _",
            "Il n'y a pas _ ici parce qu'il y a encore une coupure",
            "Comment était _ # ? Tu nous as manqué",
            "Je voulais juste savoir si tout va bien",
            "Il fallait me le dire avant",
            "Ils ont dit qu'ils allaient apporter _ #",
            "C'était très bien, merci pour _ !",
            "C'est vrai que @ et @ ont gagné ?",
            "Je ne trouve plus _, je l'ai laissé chez toi ?",
            "Bon anniversaire ! Passe une belle journée",
        ],
        things: &[
            "les devoirs",
            "le livre",
            "l'exercice",
            "la photo",
            "le jeu",
            "le match",
            "l'école",
            "le marché",
            "le contrôle",
            "l'ordinateur",
            "le fichier",
            "la réunion",
            "la leçon",
            "la chanson",
            "la liste",
            "la question",
            "le bus",
        ],
        times: &["demain", "aujourd'hui", "à cinq heures", "après l'école", "lundi", "ce soir", "la semaine prochaine"],
    },
    Language {
        code: "sw",
        words: "na ya wa kwa ni la katika za hii yake kama hiyo hizo sasa lakini au si huyo watu yangu yako wao sana tu bado \
            pia leo kesho jana mimi wewe yeye sisi ninyi hapa pale nini nani wapi lini vipi kwamba kila mtu mtoto watoto \
            shule nyumba nyumbani kazi siku wiki mwaka saa usiku asubuhi jioni mchana chakula maji pesa simu gari barabara \
            mji kijiji soko duka mama baba kaka dada rafiki marafiki mwalimu mwanafunzi darasa kitabu vitabu kalamu mpira \
            wimbo picha nataka naomba nimefika nimepata ninaenda nakwenda tunakwenda tutaonana ulikuwa alikuwa walikuwa \
            tulikuwa nitakuja atakuja watakuja anasema alisema wanasema amekuja tumefika sijaona sina hana hatuna una ana \
            tuna wana kuna hakuna kwenda kuja kufanya kusoma kuandika kula kulala kucheza kuongea kusema kuona kujua kupata \
            kuleta kutuma kungoja kuanza kumaliza kusaidia kupika kununua kubwa ndogo mpya mzuri nzuri mbaya wengi wote zote \
            yote moja mbili tatu nne tano kumi baada kabla mpaka hadi tena haraka polepole karibu mbali pamoja kweli labda \
            bila ndani nje juu chini mvua jua",
        short: &[
            "sawa",
            "ndiyo",
            "hapana",
            "asante",
            "asante sana",
            "habari",
            "mambo",
            "poa",
            "usiku mwema",
            "tutaonana",
            "nini?",
            "uko wapi?",
            "habari gani?",
            "sijui",
            "mimi pia",
            "ndio",
            "subiri",
            "tafadhali",
            "hakuna shida",
            "vizuri sana",
            "samahani",
            "nakuja",
            "nipigie",
            "unaonaje?",
            "ni kweli",
            "nzuri",
            "karibu",
            "pole sana",
        ],
        sentences: &[
            "Tafadhali unaweza kunitumia _?",
            "Sijamwona @ leo, wewe je?",
            "Mwalimu alisema tunahitaji _ kwa #.",
            "Unataka kuja nyumbani kwetu #?",
            "Nitakuwa pale #, nisubiri",
            "Tukutane # tufanye _ pamoja",
            "Umemaliza _? Mimi bado ninafanya",
            "Mama anasema lazima niwe nyumbani #",
            "_ inaanza saa ngapi?",
            "Nadhani @ ana _, muulize",
            "Tunakwenda _ #, utakuja na sisi?",
            "Unaweza kunisaidia na _? Sielewi",
            "Hii ndiyo niliyokuwa nasema kuhusu _",
            "Hapa hakuna _ kwa sababu umeme umekatika tena",
            "_ ilikuwaje #?",
            "Nilitaka tu kujua kama kila kitu ni sawa",
            "Ungeniambia mapema",
            "Walisema wataleta _ #",
            "Ilikuwa nzuri sana, asante kwa _!",
            "Ni kweli kwamba @ na @ walishinda?",
            "Sioni _ yangu, niliacha kwako?",
            "Heri ya siku ya kuzaliwa! Uwe na siku njema",
            "Mwambie @ kwamba _ iko tayari",
        ],
        things: &[
            "kazi ya nyumbani",
            "kitabu",
            "zoezi",
            "picha",
            "mchezo",
            "mechi",
            "shule",
            "soko",
            "mtihani",
            "kompyuta",
            "faili",
            "mkutano",
            "somo",
            "wimbo",
            "orodha",
            "swali",
            "simu",
            "basi",
            "chakula",
        ],
        times: &["kesho", "leo", "saa kumi na moja", "baada ya shule", "Jumatatu", "jioni", "wiki ijayo", "maktabani"],
    },
    Language {
        code: "pt",
        words: "que não o de a e é eu um para se me uma está com do por te os em bem como mas sim no isso ele da na as você \
            aqui mais isto ela tudo já quando tem meu ao só muito vai foi seu estou ou tenho ser porque nada lá quem agora \
            vamos sei era então tão mesmo minha à até nunca fazer onde estava ter sua pode nos há sabe são bom ir vou coisa \
            gente todos sempre hoje alguma algo dia casa mim vida ver acho tempo dizer posso fazendo quer sem dele também \
            esse essa quero outra ainda talvez antes depois melhor pessoas obrigado noite mãe pai anos amigo trabalho estão \
            favor nós verdade manhã amanhã ontem semana tarde escola aula irmão irmã amigos crianças água comida dinheiro \
            carro rua cidade porta livro jogo música telefone ideia pergunta problema comer dormir jogar ler escrever falar \
            esperar procurar trazer mandar ligar terminar começar ajudar grande pequeno novo velho pronto cansado feliz \
            juntos perto longe rápido muitos disse fica ficar chegar chegou saiu sair nossa deles algum cada quase menos \
            pouco logo cedo cheio ali",
        short: &[
            "tá bom",
            "sim",
            "não",
            "obrigado",
            "obrigada",
            "muito obrigado",
            "oi",
            "olá",
            "bom dia",
            "boa noite",
            "até logo",
            "kkk",
            "o quê?",
            "onde você está?",
            "tudo bem?",
            "não sei",
            "eu também",
            "claro",
            "espera",
            "por favor",
            "não faz mal",
            "legal!",
            "desculpa",
            "já vou",
            "me liga",
            "o que você acha?",
            "isso mesmo",
            "beleza",
        ],
        sentences: &[
            "Você pode me mandar _ por favor?",
            "Não vi @ hoje, e você?",
            "A professora disse que precisamos _ para #.",
            "Quer vir na minha casa #?",
            "Vou estar lá #, me espera",
            "Vamos nos encontrar # e fazer _ juntos",
            "Você terminou _? Eu ainda estou fazendo",
            "Minha mãe diz que tenho que estar em casa #",
            "Que horas começa _?",
            "Acho que @ está com _, pergunta",
            "Nós vamos ver _ #, você vem com a gente?",
            "Você me ajuda com _? Eu não entendi",
            "Era isso que eu estava falando sobre _",
            "Aqui não tem _ porque acabou a luz de novo",
            "Como foi _ #? Sentimos sua falta",
            "Só queria saber se está tudo bem",
            "Você devia ter me falado antes",
            "Eles disseram que vão trazer _ #",
            "Foi muito bom, obrigado pela ajuda com _!",
            "É verdade que @ e @ ganharam _?",
            "Não acho _, deixei com você?",
            "Feliz aniversário! Tenha um ótimo dia",
        ],
        things: &[
            "a lição",
            "o livro",
            "o exercício",
            "a foto",
            "o jogo",
            "a partida",
            "a escola",
            "o mercado",
            "a prova",
            "o computador",
            "o arquivo",
            "a reunião",
            "a aula",
            "a música",
            "a lista",
            "a pergunta",
            "o ônibus",
        ],
        times: &["amanhã", "hoje", "às cinco", "depois da aula", "na segunda", "à noite", "na semana que vem"],
    },
];

pub(crate) fn name(random: &mut Random) -> &'static str {
    random.pick(PEOPLE)
}

impl Language {
    /// What one person writes at once, as XML text.
    pub(crate) fn message(&self, random: &mut Random) -> String {
        let words: Vec<&str> = self.words.split_whitespace().collect();
        let mut text = match random.below(10) {
            0 => random.pick(self.short).to_owned(),
            1 => format!("{}, {}", random.pick(self.short), loose(&words, random)),
            2 => self.sentence(random),
            _ => loose(&words, random),
        };
        if random.one_in(4) {
            text = text.to_lowercase();
        }
        if random.one_in(8) {
            text.push_str(random.pick(&[" :)", " 😂", " ❤️", "!", "...", " 👍", " &lt;3", "??"]));
        }
        if random.one_in(4) { text.replace('\'', "&apos;") } else { text }
    }

    fn sentence(&self, random: &mut Random) -> String {
        let mut out = String::new();
        for c in random.pick(self.sentences).chars() {
            match c {
                '_' => out.push_str(random.pick(self.things)),
                '@' => out.push_str(name(random)),
                '#' => out.push_str(random.pick(self.times)),
                c => out.push(c),
            }
        }
        out
    }
}

/// Words beside each other as common as they are, without sense: a dictionary that knows whole sentences would spend its
/// room on what nobody says, and would never see how other words are spelled.
fn loose(words: &[&str], random: &mut Random) -> String {
    let mut out = String::new();
    let count = 2 + random.below(9);
    for at in 0..count {
        let common = random.below(words.len()) * random.below(words.len()) / words.len();
        let word = if random.one_in(25) { name(random) } else { words[common] };
        if at == 0 {
            let mut letters = word.chars();
            out.extend(letters.next().into_iter().flat_map(char::to_uppercase));
            out.push_str(letters.as_str());
        } else {
            out.push_str(random.pick(&[" ", " ", " ", " ", " ", " ", " ", " ", ", "]));
            out.push_str(word);
        }
    }
    out.push_str(random.pick(&["", "", "", ".", ".", "?", "!"]));
    out
}
