import { table } from './table.ts';

// Ways of writing and of saying the same. Only what is the same in every question: "football" and "soccer", "holiday"
// and "vacation", "check" and "cheque" are not here.

/** Words without their apostrophe, and those whose parts are not what they look like. */
export const CONTRACTIONS = table(
  (): ReadonlyMap<string, readonly string[]> =>
    new Map(
      `won't:will not|wont:will not|can't:can not|cant:can not|cannot:can not|shan't:shall not|ain't:is not|dont:do not|doesnt:does not
  |didnt:did not|isnt:is not|arent:are not|wasnt:was not|werent:were not|hasnt:has not|havent:have not|hadnt:had not
  |couldnt:could not|shouldnt:should not|wouldnt:would not|whats:what is|wheres:where is|hows:how is|whos:who is|whens:when is
  |whys:why is|im:i am|ive:i have|youre:you are|theyre:they are|thats:that is|theres:there is|let's:let us|wanna:want to
  |gotta:have to|gonna:going to|y'all:you|whatre:what are|mustnt:must not`
        .split('|')
        .map((entry) => {
          const [word = '', parts = ''] = entry.trim().split(':');
          return [word, parts.split(' ')];
        }),
    ),
);

/** What an apostrophe and letters after it stand for; `'s` is "is" only after the words of `IS`. */
export const ENDINGS: ReadonlyMap<string, string> = new Map([
  ["n't", 'not'],
  ["'re", 'are'],
  ["'ll", 'will'],
  ["'ve", 'have'],
  ["'d", 'would'],
  ["'m", 'am'],
]);
export const IS = new Set('what where who how when why that there it he she here this everything'.split(' '));

const SAME = `
  colour color|grey gray|centre center|theatre theater|metre meter|litre liter|fibre fiber|defence defense|offence offense
  licence license|practise practice|catalogue catalog|dialogue dialog|programme program|aluminium aluminum|maths math mathematics
  jewellery jewelry|mum mom|plough plow|aeroplane airplane|cosy cozy|sceptic skeptic|analogue analog|judgement judgment
  fulfil fulfill|enrol enroll|enrolment enrollment|skilful skillful|instalment installment|pyjamas pajamas|moustache mustache
  odour odor|odours odors|kerb curb|artefact artifact|mould mold|sulphur sulfur|yoghurt yogurt|doughnut donut|tyre tire|tyres tires
  paediatric pediatric|paediatrician pediatrician|anaemia anemia|oestrogen estrogen|diarrhoea diarrhea|manoeuvre maneuver
  encyclopaedia encyclopedia|orthopaedic orthopedic|haemoglobin hemoglobin|foetus fetus|leukaemia leukemia|caesarean cesarean
  definitely definately|separate seperate|receive recieve|believe beleive|weird wierd|occurred occured|environment enviroment
  government goverment|tomorrow tommorow|necessary neccessary|accommodation accomodation|beginning begining|different diffrent
  because cuz coz|restaurant restaraunt|whilst while|amongst among
  learnt learned|burnt burned|dreamt dreamed|spelt spelled|leapt leaped|spoilt spoiled
  big large|bigger larger|biggest largest|start begin|starts begins|starting beginning|buy purchase|buying purchasing
  fix repair|fixing repairing|fast quick|faster quicker|fastest quickest|quickly rapidly|kid child|kids children
  car automobile|cars automobiles|movie film|movies films|phone telephone|phones telephones|photo photograph|photos photographs
  tv television|delete remove|deleting removing|help assist|hard difficult|require necessitate|use utilise utilize
  using utilising utilizing|bike bicycle|bikes bicycles|fridge refrigerator|info information|app application|apps applications
  exam examination|exams examinations|lab laboratory|advantages benefits pros|advantage benefit|disadvantages drawbacks cons downsides
  disadvantage drawback downside|sofa couch|doctor physician|doctors physicians|lawyer attorney|lawyers attorneys|gasoline petrol
  smart intelligent|sick ill|choose select|choosing selecting|show display|completely entirely|huge enormous|wealthy rich
  occur happen|occurs happens|create make|creating making|build construct|building constructing|improve enhance
  improving enhancing|explain describe|inexpensive cheap|expensive costly|suggest recommend|occupation job|occupations jobs
  truck lorry|trucks lorries|trash garbage rubbish|simple easy|simplest easiest|simpler easier|shut close|answer reply|obtain get
  repository repo|repositories repos|directory folder|directories folders|configuration config|database db|databases dbs
  authentication auth|javascript js|typescript ts|kubernetes k8s|postgresql postgres|regexp regex|wifi wi-fi
  do does|usa america|email e-mail|emails e-mails|website web-site|websites web-sites
`;

export const EQUIVALENTS = table(
  (): ReadonlyMap<string, string> =>
    new Map(
      SAME.split(/[|\n]/).flatMap((group) => {
        const [key = '', ...others] = group.trim().split(/\s+/);
        return others.map((other): [string, string] => [other, key]);
      }),
    ),
);

/**
 * Sequences that say the same as others, on words whose contractions are resolved; or nothing of what is asked (right
 * side empty): those only where a question begins, and what `ENDS` lists where it ends, too. "Text Mark hello" greets
 * nobody here.
 */
const PHRASES = `
  could you please tell me>|can you please tell me>|could you tell me>|can you tell me>|would you tell me>|please tell me>
  tell me>|can you please explain>explain|could you please explain>explain|can you explain>explain|could you explain>explain
  can you describe>explain|can you explain to me>explain|explain to me>explain|can you show me>show|show me>show
  can you give me>give|could you give me>give|please give me>give|give me>give|i would like to know>|i want to know>
  i need to know>|i would like you to>|i want you to>|i need you to>|i was wondering if you could tell me>|i was wondering>
  i am wondering>|i wonder>|do you know>|do you happen to know>|could you let me know>|can you let me know>|let me know>
  may i ask>|can i ask>|i have a question>|quick question>|just curious>|out of curiosity>|if you do not mind>|if possible>
  for me>|thank you very much>|thank you so much>|thank you>|thanks a lot>|thanks so much>|thanks in advance>|many thanks>|thanks>
  hello there>|hi there>|hello>|hi>|hey>|good morning>|good afternoon>|good evening>|dear assistant>|can you please>
  could you please>|would you please>|would you kindly>|could you kindly>|can you help me understand>explain
  help me understand>explain|help me to>|can you help me>|could you help me>|how to>how|how do i>how|how do we>how
  how does one>how|how can i>how|how can we>how|how can one>how|how could i>how|how would i>how|how would one>how
  how should i>how should|how should one>how should|how is it possible to>how|how may i>how|what is the way to>how
  what is a way to>how|in what way>how|how come>why|for what reason>why|why is it that>why|how many>howmany|how much>howmuch
  how long>howlong|how often>howoften|how far>howfar|how old>howold|how tall>howtall|where do i>where|where can i>where
  where can one>where|where could i>where|when do i>when|when can i>when|when should i>when should|when should one>when should
  what should i>what should|what should one>what should|what can i>what can|what can one>what can|should i>should
  should one>should|can i>can|can one>can|may i>can|am i able to>can|what do i>what|why do i>why|why should i>why should
  why should one>why should|is it possible to>can|is it possible for me to>can|be able to>can|is it ok to>can|is it okay to>can
  is it alright to>can|is it all right to>can|have to>must|has to>must|need to>must|needs to>must|got to>must|do i need to>must
  do i have to>must|do i need>need|ought to>should|would like to>want to|what does mean>|as well as>and|and also>and
  in order to>to|so as to>to|due to>because|because of>because|in regard to>about|with regard to>about|with respect to>about
  in regards to>about|as opposed to>versus|compared to>versus|compared with>versus|in comparison to>versus
  united states of america>usa|united states>usa|united kingdom>uk|great britain>britain|machine learning>ml
  artificial intelligence>ai|e mail>email|e mails>emails|web site>website|web sites>websites|wi fi>wifi|node js>nodejs
  c plus plus>cplusplus|a lot of>much|lots of>much|a number of>several|a couple of>two|at least>atleast|at most>atmost
  no more than>atmost|no less than>atleast|more than>morethan|less than>lessthan|fewer than>lessthan|no longer>nolonger
  instead of>insteadof|rather than>insteadof|next to>beside|in front of>before|such as>like|for example>eg|kind of>kind
  sort of>kind|type of>kind|what kind>whatkind|what sort>whatkind|what type>whatkind|which kind>whatkind|which type>whatkind
  step by step>stepwise|describe to me>explain|where am i able to>where|how am i able to>how|when am i able to>when|in fact>
`;

const ENDS = new Set(
  `thank you very much|thank you so much|thank you|thanks a lot|thanks so much|thanks in advance|many thanks|thanks|for me|if possible
  |if you do not mind`
    .split('|')
    .map((phrase) => phrase.trim()),
);

/** With these before it a question still begins. */
export const OPENERS = new Set('so ok okay um uh well oh please just and'.split(' '));

export interface Phrase {
  readonly words: readonly string[];
  readonly instead: readonly string[];
  readonly place: 'anywhere' | 'start' | 'edge';
}

/** By first word, the longest first. */
export const PHRASES_OF = table((): ReadonlyMap<string, readonly Phrase[]> => {
  const map = new Map<string, Phrase[]>();
  for (const entry of PHRASES.split(/[|\n]/)) {
    const [left = '', right = ''] = entry.trim().split('>');
    const words = left.split(' ');
    const first = words[0] ?? '';
    if (left !== '')
      map.set(first, [...(map.get(first) ?? []), { words, instead: right.split(' ').filter(Boolean), place: placeOf(left, right) }]);
  }
  for (const list of map.values()) list.sort((a, b) => b.words.length - a.words.length);
  return map;
});

function placeOf(left: string, right: string): Phrase['place'] {
  if (right !== '') return 'anywhere';
  return ENDS.has(left) ? 'edge' : 'start';
}

/** Not every double l is one of spelling: "filled" is not "filed". */
const DOUBLED =
  /^(travel|cancel|model|label|level|fuel|signal|total|counsel|channel|dial|quarrel|jewel|marvel|tunnel|panel|pedal|rival|spiral)l(ed|ing|er|ers)$/;

/** British spellings are read as American: what no table needs to list. */
export function spellingOf(word: string): string {
  if (word.length < 6) return word;
  let plain = word;
  if (/is(?:e|es|ed|er|ers|ing|ation|ations)$/.test(plain)) plain = plain.replace(/is(e|es|ed|er|ers|ing|ation|ations)$/, 'iz$1');
  else if (/ys(?:e|es|ed|er|ers|ing)$/.test(plain)) plain = plain.replace(/ys(e|es|ed|er|ers|ing)$/, 'yz$1');
  else if (/our(?:s|ed|ing|ite|ites|able|al|ful|hood|hoods|less)?$/.test(plain)) {
    plain = plain.replace(/our(s|ed|ing|ite|ites|able|al|ful|hood|hoods|less)?$/, 'or$1');
  }
  return plain.replace(DOUBLED, '$1$2');
}
