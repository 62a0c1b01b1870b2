import { table } from './table.ts';

// Words that turn a question around when one takes the place of the other. Content that differs is refused anyway
// (`guards.ts`): this table says why, and holds where one of the two is a word of little weight.

const PAIRS = `
  increase decrease|increases decreases|increasing decreasing|raise lower|rise fall|gain lose|gain loss|win lose|profit loss|buy sell
  buying selling|lend borrow|import export|imports exports|input output|enable disable|enabling disabling|enabled disabled
  activate deactivate|install uninstall|installing uninstalling|connect disconnect|lock unlock|mute unmute|subscribe unsubscribe
  follow unfollow|open shut|open closed|start stop|start end|begin end|starting stopping|accept reject|accept decline|approve deny
  allow block|allow forbid|add delete|add subtract|insert delete|include exclude|attach detach|push pull|upload download
  uploading downloading|encrypt decrypt|encode decode|compress decompress|zip unzip|mount unmount|merge split|join split|join leave
  login logout|login signup|arrive depart|arrival departure|arrivals departures|enter exit|entrance exit|ascending descending
  upgrade downgrade|upgrading downgrading|import remove|hot cold|warm cool|big small|bigger smaller|biggest smallest|high low
  higher lower|highest lowest|long short|longer shorter|longest shortest|tall short|tallest shortest|fast slow|faster slower
  fastest slowest|old new|older newer|oldest newest|old young|oldest youngest|rich poor|richest poorest|strong weak|stronger weaker
  easy hard|simple complex|simple complicated|cheap expensive|cheapest expensive|light dark|light heavy|lighter heavier
  good bad|better worse|best worst|best safest|positive negative|advantages disadvantages|advantage disadvantage|true false
  male female|man woman|men women|boy girl|boys girls|husband wife|father mother|brother sister|son daughter|king queen|early late
  earliest latest|first last|public private|internal external|active inactive|valid invalid|legal illegal|safe dangerous|safe unsafe
  possible impossible|visible invisible|healthy unhealthy|happy sad|love hate|like dislike|like hate|remember forget|pass fail
  success failure|maximum minimum|maximise minimise|maximize minimize|major minor|senior junior|beginner expert|beginner advanced
  domestic international|local remote|local global|client server|frontend backend|synchronous asynchronous|sync async|static dynamic
  serial parallel|vertical horizontal|vertically horizontally|row column|rows columns|debit credit|deposit withdraw|withdrawal deposit
  send receive|sending receiving|sender receiver|employer employee|landlord tenant|teacher student|doctor patient|acid base
  plaintiff defendant|supply demand|cause effect|question answer|refund charge|refund order|cancel confirm|hire fire|vegetarian vegan
  create delete|make break|build destroy|grow shrink|expand contract|widen narrow|hide show|appear disappear|save spend|save waste
  tighten loosen|fill empty|wet dry|sweet sour|loud quiet|soft hard|smooth rough|thick thin|wide narrow|deep shallow|full empty
  alive dead|birth death|born died|marriage divorce|war peace|friend enemy|prevent cause|prevent allow|attack defend|north south
  east west|left right|inner outer|upper lower|indoor outdoor|odd even|prime composite|asc desc|odds evens|singular plural`;

const key = (a: string, b: string) => (a < b ? `${a} ${b}` : `${b} ${a}`);
const OPPOSITES = table(
  () =>
    new Set(
      PAIRS.split(/[|\n]/).flatMap((pair) => {
        const [a = '', b = ''] = pair.trim().split(' ');
        return a === '' ? [] : [key(a, b)];
      }),
    ),
);

const PREFIXES = ['un', 'in', 'im', 'ir', 'il', 'dis', 'non', 'de', 'anti', 'mis', 'pre', 'post', 're', 'over', 'under'];

/** Whether the one is the other turned around, by the table or by a prefix. */
export function areOpposite(a: string, b: string): boolean {
  if (OPPOSITES().has(key(a, b))) return true;
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return short.length > 2 && long.endsWith(short) && PREFIXES.includes(long.slice(0, long.length - short.length));
}
