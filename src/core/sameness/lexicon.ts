import { table } from './table.ts';

// What the function words of English are for. A word that stands here is judged by its role; every other word is
// content. Words joined by "=" say the same.

export type Role =
  | 'content'
  | 'number'
  | 'unit'
  | 'sign'
  | 'negation'
  | 'question'
  | 'modal'
  | 'connective'
  | 'direction'
  | 'place'
  | 'quantity'
  | 'person'
  | 'tense'
  | 'empty';

type Lexicon = { readonly [role in Role]?: string };

const LEXICON: Lexicon = {
  /** Left out without loss. "A" after "vitamin" is none of them: see `reading.ts`. */
  empty: `a an the is are am be please kindly there just actually basically exactly simply really truly indeed
    um uh hmm well oh pls plz`,
  negation: `not no never without none nobody nothing neither nor hardly barely unable except excluding nowhere
    non avoid=avoiding lack=lacking minus fail=fails=failed`,
  question: 'what=which who=whom whose when where why how whether howmany howmuch howlong howoften howfar howold',
  modal: 'can=could should=ought must will shall would may=might need=needs allowed permitted able possible legal safe',
  connective: `and or but if unless because although though while whereas versus=vs than as like plus either both instead
    otherwise then`,
  direction: `to from into onto towards=toward over under above below before after against between through across off up down
    out until=till since during within outside=outdoors inside=indoors upon along behind beside beyond despite via
    left right north south east west back forward forwards backward backwards`,
  place: 'of in on at for with by about=regarding=concerning per among amongst around near',
  quantity: `only all every=each any some most few fewer more less least many much several enough too also even still yet
    already again last first next best worst better worse other another same different entire whole half double
    almost nearly very quite always sometimes often usually rarely once twice main average total maximum=max minimum=min
    approximately=roughly everyone=everybody someone=somebody anyone=anybody everything something anything`,
  /** Cases are apart: "he … her" is not "she … him". */
  person: `i me myself you yourself we us ourselves he him himself she herself they them themselves it itself
    his her their=theirs its my=mine your=yours our=ours this that these those here`,
  tense: 'was=were did had been being going gonna used became ever',
};

const ROLES = table(() => {
  const roles = new Map<string, readonly [role: Role, key: string]>();
  for (const [role, words] of entriesOf(LEXICON)) {
    for (const group of words.split(/\s+/)) {
      const same = group.split('=');
      for (const word of same) if (word !== '' && !roles.has(word)) roles.set(word, [role, same[0] ?? word]);
    }
  }
  return roles;
});

function entriesOf(lexicon: Lexicon): readonly (readonly [Role, string])[] {
  const roles: readonly Role[] = [
    'empty',
    'negation',
    'question',
    'modal',
    'connective',
    'direction',
    'place',
    'quantity',
    'person',
    'tense',
  ];
  return roles.map((role) => [role, lexicon[role] ?? '']);
}

export function roleOf(word: string): readonly [role: Role, key: string] | undefined {
  return ROLES().get(word);
}

/** After these a single letter is a name: vitamin A, plan B. */
export const LETTERED = new Set(
  'vitamin hepatitis plan type class grade section option part group team influenza schedule exhibit appendix figure column row level series point line model version choice answer'.split(
    ' ',
  ),
);

const ENGLISH = new Set(
  `the what how is are do does did why who which when where can could should would will of for to and with my you it your an
  be not have has was were this that from or if by at on we they there tell explain write give list make find show about than
  between please best vs in`.split(/\s+/),
);
const FOREIGN = new Set(
  `de la le el les des une un der das und ist que por para como wie warum quel quelle comment pourquoi qui est sont che di il
  per lo gli och att det är en et er og hva hvordan jeg ich ein eine nicht mit für von zu den dem los las una es está qué cómo
  cuál dónde du je tu nous vous pas ne sur dans avec pour da do os em um uma não são o e è sono non con het een van wat hoe
  waarom ik niet jak co jest się na nie czy ile bir ve bu nasıl nedir mi jaka jaki vad hur varför hvad hvor mikä miten`.split(/\s+/),
);

/**
 * Whether the tables of English may be applied: what they call empty says something in other languages. `isKnown`: of
 * words that are frequent in English questions.
 */
export function isEnglish(words: readonly string[], isKnown: (word: string) => boolean): boolean {
  let english = 0;
  let foreign = 0;
  for (const whole of words) {
    const word = whole.split("'")[0] ?? whole;
    if (!LATIN.test(word)) return false;
    if (ENGLISH.has(word)) english += 1;
    else if (FOREIGN.has(word)) foreign += 1;
    else if (isKnown(word)) english += 1;
  }
  return english > 0 && english > foreign;
}

/** Letters of English and of the words that it borrowed. */
const LATIN = /^[a-z'éèêñöüïç]+$/;
