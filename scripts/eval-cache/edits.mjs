// Pairs of questions that differ in one thing and are not the same: frames and what is put into them. The frames and
// words at odd places are learnt from, the others measured; see minimal-pairs.mjs.

const list = (text) => text.split('|').map((each) => each.trim());
const pairs = (text) => list(text).map((each) => each.split('/').map((side) => side.trim()));

/** Put into {topic}, {place}, {thing}: the same on both sides. */
export const FILLERS = {
  topic: list(
    'compost heaps|sourdough bread|solar panels|tax returns|knee surgery|chess openings|bee keeping|tide pools|wool carpets|jazz piano',
  ),
  place: list('the harbour|a small village|the old town|a school|the library|an office'),
  thing: list('bicycle|kettle|printer|violin|tent|drill|router|blender|canoe|stove'),
  person: list('a nurse|a plumber|a tenant|a student|a pilot|a gardener'),
};

export const EDITS = [
  {
    kind: 'number',
    frames: list(
      'How do I cook rice for {x} people?|What is {x} percent of 250?|Is a {x} kilo {thing} too heavy?|Name {x} facts about {topic}|What can I do with {x} dollars?|How long is a marathon of {x} stages?|Is {x} a prime?|Which tyres fit a {x} inch wheel?|Write a plan for {x} days of {topic}|How many eggs are in {x} cartons?|What does error {x} mean on a {thing}?|Can {x} people share a {thing}?|What is the square root of {x}?|Is room {x} on the top floor?',
    ),
    words: pairs('3/4|12/15|7/9|40/400|2.5/3.5|18/81|five/six|two/twenty|100/1000|64/65|21/22|1,500/1,800|eleven/twelve|30/31|90/95|16/17'),
  },
  {
    kind: 'year',
    frames: list(
      'Who won the chess title in {x}?|What changed in the tax law of {x}?|How many people lived in Lyon in {x}?|Which film won the most prizes in {x}?|What was a loaf of bread worth in {x}?|Was there a flood in {x}?|Show the rules for {topic} from {x}|When did the {x} season begin?|Who led the party in {x}?|What do we know of the {x} eclipse?',
    ),
    words: pairs('1994/1995|2001/2010|1848/1849|2016/2020|1969/1996|2023/2024|1914/1918|1776/1789|2008/2012|1066/1666'),
  },
  {
    kind: 'ordinal',
    frames: list(
      'Who was the {x} person on the summit?|What happens in the {x} chapter?|Which team came {x}?|How do I pass the {x} exam of {topic}?|What is the {x} rule of {topic}?|Who sang in the {x} act?|What is due in the {x} term?|Which planet is {x} from the sun?|Who took the {x} seat at {place}?|What is the {x} step when you repair a {thing}?',
    ),
    words: pairs('first/second|third/fourth|1st/2nd|5th/6th|second/third|first/last|ninth/tenth|3rd/13th|seventh/eighth|21st/22nd'),
  },
  {
    kind: 'unit',
    frames: list(
      'How many {x} does the pipe measure?|Give the height of the tower in {x}|What is the range of the {thing} in {x}?|Convert the recipe to {x}|How much does it weigh in {x}?|Is 40 {x} a lot?|How fast is a swallow in {x}?|Show the size of the field in {x}|What does the course cost in {x}?|How long is a lease in {x}?',
    ),
    words: pairs(
      'metres/feet|miles/kilometres|grams/ounces|litres/gallons|celsius/fahrenheit|acres/hectares|weeks/months|pounds/euros|bytes/bits|hours/days|furlongs/chains|cubits/spans|rods/perches|dinars/dirhams|bushels/pecks',
    ),
  },
  {
    kind: 'negation',
    frames: list(
      'Which foods {x} contain gluten?|Why {x} my {thing} start?|Who {x} need a permit for {topic}?|Which metals {x} rust?|When {x} a {thing} need oil?|Why {x} birds fly at night?|What {x} belong in {place}?|Which plants {x} like shade?',
    ),
    words: pairs('do/do not|does/does not|do/don’t|does/doesn’t|can/cannot|will/will not|should/should not|can/can’t'),
  },
  {
    kind: 'negation of the whole',
    frames: list(
      'Is it {x} to swim after lunch?|Are these mushrooms {x}?|Can I travel {x} a passport?|How do I paint {x} a brush?|Is the {thing} {x} at {place}?|Do they serve dishes {x} nuts?|Is {topic} {x} for beginners?|Can a {thing} run {x} power?',
    ),
    words: pairs(
      'safe/unsafe|edible/inedible|with/without|allowed/not allowed|useful/useless|suitable/unsuitable|legal/illegal|possible/impossible|advisable/inadvisable|harmful/harmless',
    ),
  },
  {
    kind: 'opposite',
    frames: list(
      'How do I {x} the sails?|What happens when I {x} the valve?|How can I {x} my pulse?|Should I {x} the bid?|Is it wise to {x} the dose?|How do I {x} a shelf of {topic}?|What does it mean to {x} a motion?|When should I {x} the curtains?',
    ),
    words: pairs(
      'hoist/strike|open/close|raise/lower|tighten/loosen|fill/drain|fasten/unfasten|heat/chill|accept/reject|lengthen/shorten|inflate/deflate|wind/unwind|load/unload|praise/scold|sharpen/blunt|freeze/thaw|hoard/squander|lift/drop|soften/harden',
    ),
  },
  {
    kind: 'opposite quality',
    frames: list(
      'What is the {x} way to learn {topic}?|Which {thing} is the {x}?|Is a {x} {thing} worth it?|Where is the {x} part of {place}?|What makes a {thing} {x}?|Are {x} dogs calmer?|Why are {x} prices common for {topic}?|Name a {x} wine',
    ),
    words: pairs(
      'best/worst|safest/riskiest|noisy/silent|tall/short|dull/shiny|cheapest/dearest|sour/sweet|oldest/newest|coarse/fine|steep/flat|brittle/tough|early/late|sturdy/flimsy|barren/fertile',
    ),
  },
  {
    kind: 'direction',
    frames: list(
      'Is there a ferry {x} Bergen?|How do I move files {x} the server?|Which trains run {x} the airport?|Can I send money {x} my savings?|Who sailed {x} Iceland?|Which letters came {x} the mayor?|How do I walk {x} {place}?|Is there a pipe {x} the tank?',
    ),
    words: pairs('to/from|into/out of|up to/down from|towards/away from|over/under|before/after|above/below|inside/outside'),
  },
  {
    kind: 'two ends',
    frames: list(
      'How do I get from {x} to {y}?|Convert 40 {x} to {y}|Is {x} better than {y}?|Who sells {x} for {y}?|How do I swap {x} for {y}?|Does {x} come before {y}?|Can {x} be made into {y}?|Why did {x} leave {y}?|Is {x} part of {y}?|Did {x} beat {y}?|Does {x} cause {y}?|Can {x} turn {y} away?',
    ),
    swap: pairs(
      'Oslo/Rome|euros/francs|butter/oil|Ajax/Porto|milk/cheese|stress/pain|clay/brick|Anna/Peter|yoga/rest|rust/damp|Hull/Leeds|wool/silk|tea/coffee|ice/steam|sleep/worry|sand/glass',
    ),
  },
  {
    kind: 'qualifier',
    frames: list(
      'What are good exercises{x}?|How do I train a puppy{x}?|Which shoes should I wear{x}?|How much water do I need{x}?|What are the rules of {topic}{x}?|How do I save on heating{x}?|Is a {thing} useful{x}?|Which songs are fit{x}?|What should {person} know{x}?|How do I open a {thing}{x}?',
    ),
    words: pairs(
      '/ for children|/ at work|/ during pregnancy|/ in winter|/ after an operation|/ for a wedding|/ on a budget|/ at high altitude|/ with one hand|/ at night|/ as a beginner|/ by law|/ in a flat|/ over sixty|/ for left-handers|/ under water',
    ),
  },
  {
    kind: 'narrower topic',
    frames: list(
      'What are popular {x}apps?|How do I clean a {x}floor?|Which {x}tools should I buy?|Name some {x}festivals|What does a {x}engineer do?|How much is a {x}licence?|Is {x}milk healthy?|Where are {x}courses held?|Are there {x}birds near {place}?|Who makes {x}lamps?',
    ),
    words: pairs(
      '/beauty |/wooden |/garden |/medieval |/sound |/fishing |/oat |/evening |/wading |/ceiling |/marble |/power |/maritime |/raw ',
    ),
  },
  {
    kind: 'country',
    frames: list(
      'What is the capital of {x}?|How do I apply for a visa in {x}?|What side do people drive on in {x}?|Is {topic} taxed in {x}?|Who founded {x}?|Which plug do I need for {x}?|Show the holidays of {x}|How large is {x}?|Is a {thing} cheaper in {x}?|What do people eat in {x}?',
    ),
    words: pairs(
      'Peru/Chile|Austria/Australia|Niger/Nigeria|Iran/Iraq|norway/sweden|Benin/Togo|Suriname/Guyana|Palau/Tuvalu|Eritrea/Djibouti|Slovakia/Slovenia|Bhutan/Brunei|Andorra/Monaco|the US/the UK|lesotho/eswatini',
    ),
  },
  {
    kind: 'company',
    frames: list(
      'Who runs {x}?|When was {x} founded?|How do I cancel a plan at {x}?|Does {x} sell a {thing}?|Where does {x} have offices?|What does {x} pay {person}?|Is {x} a public company?|Which firms did {x} buy?|How do I reach {x} by phone?|What is the slogan of {x}?',
    ),
    words: pairs(
      'Google/Microsoft|Nike/Adidas|Toyota/Honda|Bosch/Makita|visa/mastercard|Lidl/Aldi|Ryanair/EasyJet|Novartis/Roche|Lego/Playmobil|DHL/UPS|Heineken/Carlsberg|lenovo/asus|Garmin/Suunto|Pirelli/Michelin',
    ),
  },
  {
    kind: 'language',
    frames: list(
      'What is the {x} word for {thing}?|How many people speak {x}?|Is {x} hard to learn?|Which letters does {x} use?|Teach me greetings in {x}|Who wrote the first {x} novel?|What are {x} verbs like?|Where can I study {x}?|Is there a {x} edition of the book on {topic}?|Describe the {x} accent',
    ),
    words: pairs(
      'French/German|Spanish/Portuguese|swedish/norwegian|Czech/Slovak|Tamil/Telugu|Breton/Cornish|Quechua/Aymara|Xhosa/Sotho|Maltese/Corsican|Igbo/Yoruba|Latvian/Estonian|Nahuatl/Mixtec',
    ),
  },
  {
    kind: 'programming language',
    frames: list(
      'How do I sort a list in {x}?|Write a loop in {x}|How do I parse dates with {x}?|What is a closure in {x}?|Which {x} version should I use?|How do I test {x} code?|What does null mean in {x}?|Show a {x} program that reads a file|Is {x} good for {topic}?|How do I install {x}?',
    ),
    words: pairs(
      'Python/Ruby|Java/JavaScript|C/C++|rust/go|C#/F#|Perl/PHP|Julia/R|Zig/Nim|OCaml/Prolog|Ada/Forth|Scheme/Racket|crystal/gleam',
    ),
  },
  {
    kind: 'modal',
    frames: list(
      '{x} I water {topic} daily?|{x} a tenant paint the walls?|{x} {person} refuse overtime?|{x} children drink tea?|{x} you keep honey in the fridge?|{x} we tip at {place}?|{x} a {thing} be recycled?|{x} dogs eat cheese?',
    ),
    words: pairs('Can/Should|Must/May|Should/Must|Will/Can|Would/Should|May/Should|Could/Must|Should/Will'),
  },
  {
    kind: 'question word',
    frames: list(
      '{x} do I register a {thing}?|{x} did the council close {place}?|{x} do swallows nest?|{x} should I prune roses?|{x} is bread baked at {place}?|{x} does {person} get paid?|{x} can I learn about {topic}?|{x} was the bridge built?',
    ),
    words: pairs('How/Why|When/Where|Why/When|Where/How|How often/How|Who/When|How long/Why|Where/Why'),
  },
  {
    kind: 'tense',
    frames: list(
      'Who {x} the head of the bank?|What {x} the tallest tower?|Where {x} the main market?|Who {x} the owner of {place}?|What {x} the rules of {topic}?|How {x} schools funded?|Which trains {x} free?|What {x} the name of the river?',
    ),
    words: pairs('is/was|are/were|is/will be|is/used to be|was/will be|are/will be|has been/is|had been/was'),
  },
  {
    kind: 'plural',
    frames: list(
      'What is the best {x} for {topic}?|Recommend {x} for {place}|Where can I buy {x}?|Draw {x} for {person}|Which {x} can I rent?|Describe {x} made of oak|Who repairs {x} at {place}?|Compare the price of the {x}',
    ),
    words: pairs(
      'lamp/lamps|brush/brushes|ladder/ladders|battery/batteries|coat/coats|boat/boats|knife/knives|goose/geese|shelf/shelves|mouse/mice',
    ),
  },
  {
    kind: 'quantity',
    frames: list(
      'Do {x} snakes bite?|Are {x} of the seats taken?|Does it {x} snow in {place}?|Which {thing} do {x} people buy?|Is {x} sugar bad?|Do we need {x} chairs?|Are {x} guides about {topic} wrong?|Can {x} {thing} parts be reused?',
    ),
    words: pairs('all/some|most/few|always/never|many/several|more/less|any/every|both/neither|only/even|half/all|enough/most'),
  },
  {
    kind: 'connective',
    frames: list(
      'Can I mix bleach {x} vinegar?|Should I go {x} it rains?|Do I pay tax {x} I move?|Is the {thing} on {x} it beeps?|Can I eat {x} I swim?|Does the shop open {x} there is snow?|Will the dough rise {x} I knead it?|May I leave {x} the bell rings?',
    ),
    words: pairs('and/or|if/unless|before/after|when/although|because/if|while/until|after/while|and/but'),
  },
  {
    kind: 'format',
    frames: list(
      'Give me a list of lakes as {x}|Export the calendar to {x}|How do I open {x} files?|Write the invoice in {x}|Show {topic} as a {x}|Is {x} good for long texts?|Turn the notes into {x}|What is the limit of {x}?',
    ),
    words: pairs(
      'JSON/XML|CSV/YAML|PDF/HTML|table/chart|markdown/plain text|a letter/a memo|bullet points/paragraphs|LaTeX/RTF|SVG/PNG|verse/prose',
    ),
  },
  {
    kind: 'support',
    frames: list(
      'How do I {x} two-factor login?|I want to {x} the newsletter|How can I {x} a refund?|Please {x} auto-renewal for the plan|How do I {x} a card from the wallet?|Can I {x} the gift voucher?|How do I {x} the trial?|Where do I {x} push messages?',
    ),
    words: pairs(
      'enable/disable|subscribe to/unsubscribe from|request/cancel|switch on/switch off|add/remove|buy/return|start/end|allow/block|extend/shorten|freeze/unfreeze|pause/resume|pin/unpin|redeem/refund|mute/report',
    ),
  },
  {
    kind: 'gateway',
    frames: list(
      'What is the {x} of the payment API?|How do I set the {x} for the upload route?|Why does the {x} keep failing?|Rotate the {x} of the billing service|Explain the {x} in the access log|Where is the {x} stored?|Who may change the {x}?|Raise an alert when the {x} is exceeded',
    ),
    words: pairs(
      'read timeout/connect timeout|request limit/response limit|staging key/production key|client secret/client id|daily budget/monthly budget|input tokens/output tokens|cache hit/cache miss|first replica/second replica|retry count/retry delay|soft limit/hard limit|public key/private key|inbound queue/outbound queue',
    ),
  },
  {
    kind: 'subject and object',
    frames: list(
      'Does {x} trust {y}?|Why did {x} sue {y}?|When did {x} invade {y}?|How does {x} help {y}?|Can {x} employ {y}?|Should {x} pay {y}?|Did {x} teach {y}?|Has {x} ever visited {y}?|Will {x} replace {y}?|Why do {x} fear {y}?',
    ),
    swap: pairs(
      'a bank/a client|Sparta/Athens|wolves/dogs|a landlord/a lodger|Plato/Socrates|robots/nurses|cats/owls|Persia/Greece|writers/critics|a city/a state|trams/buses|crows/hawks',
    ),
  },
  {
    kind: 'person',
    frames: list(
      'What is {x} name?|Who are {x} parents?|Where were {x} books printed?|What is {x} role here?|How long is {x} memory?|What are {x} rights as {person}?|Which is {x} favourite {thing}?|How strong is {x} opinion of {topic}?',
    ),
    words: pairs('my/your|his/her|your/their|our/your|her/their|his/your|my/her|its/our'),
  },
];
