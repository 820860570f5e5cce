/** Passwords as they are typed in sentences, where nothing but a word near them says what they are. */
import { isOfWordsAlone, isPassphrase, SIGNED_PASSPHRASES } from "./passphrases.ts";
import { isCode, isNaming, isPattern, isPlain, mixesCases, standsForValue } from "./values.ts";
import { isWords } from "./words.ts";

const SIGNS = /[!@#$%^&*+?~]/;
/** Small and capital letters, and within them a sign that joins no names. */
const SIGNED_LETTERS = /^(?=.*[a-z].*[A-Z]|.*[A-Z].*[a-z])[A-Za-z]+[!@#$%^*+~][A-Za-z!@#$%^*+~]+$/;
const EDGE_SIGN = /^[!#$%^&*+?~_]|[!#$%^&*+?~_]$/;

/**
 * A password in a sentence: of letters and digits, and with a sign or words and a number as no name is written. `said` is what
 * stands right behind "the password is": there, what is neither words nor a name is one too.
 */
export function isTyped(value: string, how: "said" | "near"): boolean {
  if (value.length < 8 || value.length > 64) return false;
  const isSaid = how === "said";
  if (isSaid && SAID_ALONE.test(value)) return !standsForValue(value);
  if (!/\p{L}/u.test(value) || ALGORITHM.test(value)) return false;
  if (isSaid && isOfWordsAlone(value)) return !standsForValue(value);
  // An abbreviated commit; of a generator's, twelve digits are the least.
  if (/^[0-9a-f]+$/i.test(value) && (!isSaid || value.length < 12)) return false;
  return /\d/.test(value) ? isTypedWithDigits(value, isSaid) : isSaid && isOfLetters(value);
}

/** Of routers. */
const SAID_ALONE = /^\d{10,20}$/;

function isTypedWithDigits(value: string, isSaid: boolean): boolean {
  if (isOtherThanTyped(value)) return false;
  if (isPassphrase(value) || isSigned(value)) return true;
  if ((isSaid || EDGE_SIGN.test(value)) && isPassphrase(value, SIGNED_PASSPHRASES))
    return isSaid || !/[?]$/.test(value);
  const isLikely = isSaid || (value.length >= 10 && mixesCases(value));
  return isLikely && !isNaming(value) && !isWords(value);
}

/** Without a digit. */
const isOfLetters = (value: string) =>
  !isWords(value) &&
  !isNaming(value) &&
  ((value.length >= 12 && /^[\w.-]+$/.test(value) && mixesCases(value)) || SIGNED_LETTERS.test(value));

const bareOf = (value: string) => value.replace(/[!?.,]+$/, "");

/** What stands for a value, is data or code, or a name. */
function isOtherThanTyped(value: string): boolean {
  const bare = bareOf(value);
  if (standsForValue(value) || isPlain(bare) || isPattern(value) || isCode(value)) return true;
  return NO_TYPED.test(bare) || NO_TYPED_NAME.test(value.replace(/[.,?]+$/, ""));
}

/** With a sign in it that is no path's. */
function isSigned(value: string): boolean {
  const bare = bareOf(value);
  return (SIGNS.test(bare) || /^(?=.*[a-z])(?=.*[A-Z])(?=.*\d).*=/.test(bare)) && !/\/./.test(value);
}

/** `name=value`, `repository#12`, `ann@host`, `package@1.2.3`, options, paths, markup, addresses in memory, files. */
const NO_TYPED =
  /^(?:[\w.-]+\/[\w.-]+)?#\d+$|^\w*[a-z]\$\d(?:\.\w+)?$|a-z|A-Z0-9|&\w{2,8}(?:;|$)|pbkdf2|hmac-?sha|^-{1,2}[a-z]|^[~.]{0,2}\/|:\/\/|^[<>&]|^[#@](?!\p{Lu}\p{Ll}{3,}_\d{2,4}$)|^\d+(?:password|factor)|^0x[\da-f]+$|\.(?:js|ts|py|md|json|ya?ml|sh|txt|com|org|net|io|dev)\b|^(?:sha|md|utf|base|aes|rsa|argon)[-_]?\d|\.(?:sha|md|base|utf)\d+$/iu;
/** What is called so: PBKDF2-HMAC-SHA-256. */
export const ALGORITHM =
  /^\W?(?:RSA|HMAC|AES|SHA|PBKDF|ECDS?A|ECDH|HKDF|PKCS|TLS|DES|GCM|EAX|ED25519|X25519)[A-Z]*[-_\d]/i;
const NO_TYPED_NAME =
  /^@?[a-z\d._-]*(?:\/[\w.-]+)*@[\^~]?v?\d[\w.-]*$|^(?:[a-z][a-z_.-]{2,}|[A-Z][A-Z_]{2,})=|^[A-Z]+(?:_[A-Z0-9]+)+$|^[a-z0-9._-]+@[a-z0-9.-]+(?::\S*)?$|[A-Z]\w*\.[a-z]\w*\(/;
