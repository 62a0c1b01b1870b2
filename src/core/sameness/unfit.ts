import { hasPhrase, type Phrases, phrasesOf } from './phrases.ts';
import { table } from './table.ts';
import { templateOf } from './template.ts';
import { LONGEST, type Token, tokensOf } from './tokens.ts';

/**
 * What answers are kept for. `open`: questions of any kind, where only another wording of the same question may have the
 * same answer. `closed`: a service's own questions, where what belongs together has one answer.
 */
export type Domain = 'open' | 'closed';

/** Why a question is not answered from what is kept by meaning; an answer to exactly the same words may still be. */
export type Unfit = 'deixis' | 'time' | 'personal' | 'chance' | 'verbatim' | 'template' | 'short' | 'long';

/** A question of more characters is a text with a question in it. */
export const LONGEST_QUESTION = 600;
/** Of fewer words the meaning is what came before. */
const FEWEST_WORDS = 2;

/** Why it must not be answered from what is kept by meaning, or nothing. Linear. */
export function unfit(text: string, domain: Domain = 'open'): Unfit | undefined {
  if (text.length > LONGEST) return 'long';
  const { slot } = templateOf(text);
  if (slot === '') return 'template';
  if (slot.length > LONGEST_QUESTION) return 'long';
  const tokens = tokensOf(slot);
  if (isPersonal(text, tokens)) return 'personal';
  if (tokens.filter(({ kind }) => kind === 'word').length < FEWEST_WORDS) return 'short';
  if (domain === 'closed') return undefined;
  for (const [reason, phrases] of CUES()) if (hasPhrase(tokens, phrases)) return reason;
  return isPointing(tokens) ? 'deixis' : undefined;
}

const CUES = table((): readonly (readonly [Unfit, Phrases])[] => [
  [
    'personal',
    phrasesOf(`my order|my orders|my account|my invoice|my bill|my balance|my subscription|my booking|my reservation|my ticket|my case
      |my claim|my payment|my refund|my delivery|my package|my parcel|my shipment|my password is|my name is|my address|my birthday
      |my salary|my doctor|my diagnosis|my prescription|my results|my appointment|my flight|i live in|i was born|order number
      |account number|is my|are my|was my|were my|did my|tell me my|know my|check my|show me my|show my|list my|read my
      |my last|my next|my name|what my
      |how much i|how many i|am i|i have left|did i|have i      |my boss|my wife|my husband|my boyfriend|my girlfriend|my mother|my father|my son|my daughter`),
  ],
  [
    'time',
    phrasesOf(`today|tonight|tomorrow|yesterday|now|nowadays|current|currently|latest|newest|recent|recently|upcoming|so far|as of
      |right now|at the moment|at present|at this time|these days|up to date|this week|this month|this year|this morning|this afternoon
      |this evening|this weekend|this season|this quarter|this time|next week|next month|next year|next weekend|last week|last month
      |last year|last night|what time|what day|what date|what year is it|the time in|the weather|weather in|forecast|news|headlines
      |price of|prices of|stock price|share price|exchange rate|exchange rates|market cap|trading at|live score|score of|standings
      |traffic|still open|open now|is down|outage|release date|trending|breaking|how old is|how old am|days until|days left|how long until
      |how many days|since when|temperature in|temperature outside|is it raining|will it rain|available today|the president of|the ceo of`),
  ],
  [
    'deixis',
    phrasesOf(`above|aforementioned|attached|attachment|previous|previously|earlier|the following|as follows|see below|below is|below are
      |the text below|the code below|here is|here are|you said|you mentioned|you told|you wrote|you gave|you just|your last
      |your previous|your answer|your response|the former|the latter|the same thing|the first one|the second one|the last one|that one
      |this one|these ones|those ones|like that|like this|what about|how about|try again|go on|continue|do it again|one more|more of|it again
      |the user|the conversation|the document|the context|the passage|the paragraph|the article|the screenshot|the picture|the image
      |the photo|the snippet|the attached|the provided|the given|given the|based on`),
  ],
  [
    'chance',
    phrasesOf(`random|randomly|roll a|roll the|flip a|toss a|pick a number|pick a card|surprise me|another one|a different one|shuffle|generate a
      |generate an|make up a|password for|a joke|a poem|a story|a haiku|a limerick|a riddle|a name for|names for|ideas for|brainstorm`),
  ],
  [
    'verbatim',
    phrasesOf(`translate|translation of|proofread|rewrite|rephrase|reword|paraphrase|spell|spelled|spelling of|capitalize|capitalise
      |uppercase|lowercase|palindrome|anagram|reverse the|reverse this|how many letters|how many words|how many characters|how many times does
      |repeat after|repeat the|encode|decode|base64|rhyme|rhymes|correct the grammar|grammar of|correct this|correct my|fix my|fix this
      |summarize|summarise|tl dr|classify|extract|sentiment of|how do you say|how do i say|how to say|word for word|in a sentence`),
  ],
]);

/** "This picture", "my code": what is pointed at is not in the question. */
const POINTING = new Set(['this', 'these', 'that', 'those', 'my', 'our']);
const POINTED = new Set(
  `picture pictures image images photo photos code text file files document documents article essay email letter table list screenshot
  error function snippet paragraph sentence sentences conversation page link url attachment chart diagram graph data dataset log logs video
  resume cv thesis homework assignment query script program class method test tests project repo repository app application website site
  spreadsheet report contract poem story draft message text post tweet song recording clip slide slides presentation json xml sql csv
  output input result results answer question problem equation formula word phrase one thing situation case example above`.split(/\s+/),
);
/** Words that may stand between: "this short piece of code". */
const REACH = 4;
/** Without anything named before them, these stand for something that was said or shown earlier. */
const PRONOUNS = new Set(['it', 'they', 'them', 'this', 'that', 'these', 'those', 'he', 'she', 'him', 'her', 'his', 'their', 'its']);
const NAMELESS = new Set(
  `what which who when where why how is are was were do does did can could should would will and so but then explain describe tell
  show give fix solve make use the a an in of to about more me please for if has have`.split(/\s+/),
);

function isPointing(tokens: readonly Token[]): boolean {
  let near = 0;
  let named = false;
  for (const [at, { text }] of tokens.entries()) {
    near = POINTING.has(text) ? REACH : near - 1;
    if (near >= 0 && near < REACH && POINTED.has(text)) return true;
    const next = tokens[at + 1]?.text;
    // "It is", "that the": what follows says what is meant, or nothing does.
    if (!named && PRONOUNS.has(text) && !(text === 'it' && (next === 'possible' || next === 'true' || next === 'safe'))) {
      if (isBare(text, next)) return true;
    }
    named ||= !NAMELESS.has(text) && !PRONOUNS.has(text);
  }
  return false;
}

/** Whether the pronoun stands alone: "explain this", "how does it work", and not "this bird of the Andes". */
const isBare = (text: string, next: string | undefined) =>
  ['it', 'they', 'them', 'he', 'she', 'him'].includes(text) ||
  next === undefined ||
  NAMELESS.has(next) ||
  next === 'work' ||
  next === 'mean';

/** Digits in one number, however grouped, from which on it is an account, a card, an order or a telephone. */
const LONG_NUMBER = 7;
const IDENTIFIED = table(() =>
  phrasesOf(`order no|order number|order id|case number|ticket number|invoice number|tracking number|account number|iban
  |card number|ssn|social security number|passport number|booking reference|order #|case #|ticket #|invoice #`),
);
/** 1,000,000 and 3.141592653 and 10000000 are quantities; 555 010 199 and 4111111111111111 name somebody. */
const QUANTITY = /^(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,6}\.\d+|\d0+)$/;
const MAIL = /[\p{L}\p{N}._%+-]@[\p{L}\p{N}-]+\.\p{L}/u;

function isPersonal(text: string, tokens: readonly Token[]): boolean {
  if (MAIL.test(text)) return true;
  let digits = 0;
  for (const { kind, text: piece } of tokens) {
    if (kind === 'word') digits = 0;
    else if (kind === 'number' && !QUANTITY.test(piece)) digits += digitsIn(piece);
    if (digits >= LONG_NUMBER) return true;
  }
  return hasPhrase(tokens, IDENTIFIED()) && tokens.some(({ kind, text: piece }) => kind === 'number' && digitsIn(piece) > 2);
}

function digitsIn(text: string): number {
  let count = 0;
  for (const character of text) if (character >= '0' && character <= '9') count += 1;
  return count;
}
