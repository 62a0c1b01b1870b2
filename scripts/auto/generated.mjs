// Prompts of the everyday sort, made from templates. Whether one is hard is what the author of the templates thinks, so
// they say what the classifier was taught and nothing of what models can do. Half of the templates are never learnt from.

const slots = {
  city: ['Lyon', 'Osaka', 'Quito', 'Tromsø', 'Accra'],
  language: ['French', 'Japanese', 'Swahili', 'Portuguese'],
  word: ['threshold', 'weir', 'mercy', 'gateway', 'orchard'],
  person: ['Maria', 'Jonas', 'Dr. Osei', 'the new tenant'],
  sentence: [
    'The parcel came two days late but the staff were kind.',
    'Our meeting moves to Thursday, 14:00, in the small room.',
    'Das Paket kam zu spät, aber der Service war freundlich.',
    'I loved the first half and slept through the second.',
  ],
  topic: ['photosynthesis', 'inflation', 'the water cycle', 'interest rates', 'vaccines'],
  system: ['a ticket shop', 'a chat service', 'an online bank', 'a sensor network', 'a hospital roster'],
  language2: ['TypeScript', 'Rust', 'Python', 'Go', 'SQL'],
  number: ['3', '5', '12', '40', '200'],
  code: [
    '```ts\nexport async function take(key: string) {\n  const left = await store.get(key);\n  if (left > 0) await store.put(key, left - 1);\n  return left > 0;\n}\n```',
    '```python\ndef merge(a, b):\n    out = []\n    while a and b:\n        out.append(a.pop(0) if a[0] < b[0] else b.pop(0))\n    return out\n```',
    '```sql\nSELECT u.id, count(*) FROM users u JOIN orders o ON o.user = u.id WHERE o.total > 10 GROUP BY 1 HAVING count(*) > 2;\n```',
  ],
};

const easy = [
  'Hi!',
  'Hello, how are you?',
  'Thanks, that helps.',
  'What is the capital of {city}’s country?',
  'Translate "{word}" into {language}.',
  'What does {word} mean?',
  'Spell {word}.',
  'Give me a synonym for {word}.',
  'Correct the grammar: {sentence}',
  'Is this sentence positive or negative? {sentence}',
  'Summarise in one line: {sentence}',
  'Extract the day from: {sentence}',
  'Convert {number} miles to kilometres.',
  'Who wrote Don Quixote?',
  'What time is it in {city}?',
  'Say hello to {person} in {language}.',
  'List {number} fruits.',
  'Hallo, was bedeutet {word}?',
  'Übersetze ins Englische: {sentence}',
  'Bonjour, traduis en anglais : {word}',
  'Hola, ¿qué significa {word}?',
  '{word}の意味は何ですか？',
  'Qual è la capitale del Ghana?',
  'Turn this into upper case: {sentence}',
  'Yes',
  'Please continue.',
  'Name three cities near {city}.',
  'When was {city} founded?',
  'Write a short thank-you line to {person}.',
  'Which language is this? {sentence}',
];

const hard = [
  'Design the architecture of {system} that must serve {number} thousand users. It should tolerate the loss of a region, never lose an order, and cost at most 2,000 a month. Compare two options and justify your choice.',
  'Find the race in this code, explain why it happens step by step, and rewrite it so that it is correct without a lock:\n{code}',
  'Prove that the sum of the first n odd numbers is n^2, then derive a formula for the sum of their cubes: 1^3 + 3^3 + … + (2n-1)^3 = ?',
  'Implement in {language2} an LRU cache with a time to live.\n- every operation must be O(1)\n- no external library\n- entries expire exactly after {number} seconds\n- include tests for each case',
  'Write a migration plan for {system} from one database to another without downtime. Consider rollbacks, dual writes, backfill and how to verify that nothing was lost. Use at most {number} steps and explain the trade-offs of each.',
  'Here is a stack trace and the code. Diagnose the failure, list at least three possible causes ordered by likelihood, and propose a fix:\n{code}\nTypeError: cannot read properties of undefined (reading "put") at take (limits.ts:42:18)',
  'Three suppliers quote 12.50, 11.90 and 12.10 per unit, with rebates of 3%, 0% and 1.5% from {number} units on, and fixed freight of 240, 310 and 275. For which quantities is each the cheapest? Show the calculation.',
  'Analyse the argument below, identify every unstated assumption, and write a critique of no more than 300 words that must not use the word “fallacy”: if {topic} explains growth, and growth explains {word}, then {topic} must explain {word}.',
  'Entwirf ein Datenmodell für {system}. Es muss Mandanten trennen, Änderungen nachvollziehbar machen und ohne Ausfall erweiterbar sein. Begründe jede Entscheidung und vergleiche mindestens zwei Varianten.',
  'Conçois un algorithme pour planifier {number} livraisons entre {city} et ses environs. Il doit respecter les horaires, éviter les retours à vide et minimiser la distance. Explique pourquoi il est correct et calcule sa complexité.',
  'Diseña un plan de estudios de {number} semanas sobre {topic} para principiantes. Debe incluir ejercicios, exámenes y criterios exactos de evaluación. Justifica cada paso y compara con otro plan.',
  'Refactor this function. It must keep its signature, handle empty input, avoid quadratic work, and every branch should be covered by a test. Explain each change.\n{code}',
  'Derive the closed form of the recurrence T(n) = 2T(n/2) + n log n, with T(1) = 1, and verify it for n = 2, 4 and 8.',
  'Write a detailed essay on how {topic} shaped {city} between 1850 and 1950. It should weigh at least four causes against each other, cite the kinds of evidence that would change your mind, and conclude without repeating the introduction.',
  'Optimise this query for a table of {number} million rows; explain the plan before and after, which indexes are needed and what each costs on writes:\n{code}',
  '証明してください：√2 は無理数である。また、一般に素数 p について √p が無理数であることを示し、各段階の理由を説明してください。',
  'Implement a parser in {language2} for arithmetic with + - * / ^ and parentheses. Requirements:\n1. correct precedence and associativity\n2. errors with line and column\n3. no regular expressions\n4. linear time\n5. property tests',
  'A train leaves {city} at 9:12 with 84 km/h, another one 27 minutes later with 112 km/h. When and where does the second pass the first, and how does the answer change if the first stops for 6 minutes after 50 km? Explain step by step.',
  'Review this contract clause for {system}: liability is limited to fees paid, except in cases of gross negligence, and each party must notify the other within {number} days. Which risks remain for the customer, how would you rewrite it, and why?',
  'Plan the on-call rotation of 7 people for {number} weeks such that nobody is on call two weeks in a row, each weekend is covered by exactly two, and holidays are shared equally. If it is impossible, prove it.',
];

/** Calls like those of agents: tools, earlier turns, a schema for the answer. */
const agentic = [
  'The tests still fail after your change. Find out why and fix it.',
  'Now migrate the remaining endpoints and update the docs.',
  'Look through the logs of {system} and find what caused the outage.',
  'Book the cheapest trip from {city} that arrives before noon, within the limits we agreed.',
  'Continue with the next step of the plan.',
  'Compare both branches and merge what is missing.',
];

const tools = ['read_file', 'write_file', 'run', 'search', 'query', 'browse', 'send', 'plan', 'book'];

/** @param {() => number} random */
export function generate(random, each = 24) {
  const pick = (list) => list[Math.floor(random() * list.length)];
  const fill = (template) => template.replace(/\{(\w+)\}/g, (_, name) => pick(slots[name]));
  const some = (count) => tools.slice(0, count).map((name) => ({ type: 'function', name }));
  const rows = [];
  const add = (templates, hardness, make) => {
    for (const [index, template] of templates.entries()) {
      for (let copy = 0; copy < each; copy++)
        rows.push({ source: 'generated', held: index % 2 === 1, hard: hardness, chat: make(fill(template)) });
    }
  };
  add(easy, 0, (text) => chatOf([['user', text]]));
  add(hard, 1, (text) => chatOf([['user', text]]));
  add(agentic, 1, (text) => {
    const turns = 3 + Math.floor(random() * 12);
    const before = Array.from({ length: turns }, () => [
      ['user', pick(slots.sentence)],
      ['assistant', `${pick(slots.sentence)} ${pick(slots.code)}`],
    ]).flat();
    const chat = chatOf([...before, ['user', text]]);
    return { ...chat, tools: some(3 + Math.floor(random() * 6)) };
  });
  // Neither a long talk nor the tools that a chat application always sends make small talk hard.
  add(easy.slice(0, 12), 0, (text) => {
    const turns = 1 + Math.floor(random() * 4);
    const before = Array.from({ length: turns }, () => [
      ['user', pick(slots.sentence)],
      ['assistant', pick(slots.sentence)],
    ]).flat();
    return { ...chatOf([...before, ['user', text]]), tools: random() < 0.5 ? [] : some(1 + Math.floor(random() * 8)) };
  });
  return rows;
}

/** @param {readonly (readonly [string, string])[]} messages */
export const chatOf = (messages) => ({
  model: 'auto',
  messages: messages.map(([role, text]) => ({ role, content: [{ type: 'text', text }] })),
  tools: [],
  stream: false,
  extra: {},
});
