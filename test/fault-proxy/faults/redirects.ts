import { plain } from "../answer.ts";
import type { Act, Fault } from "../fault.ts";

function redirect(location: string, status = 302): Act {
  return (wire) => wire.send(plain(status, { location }));
}

const FAILED = ["SOURCE_FAILED"] as const;

/** Where a redirect can lead. */
export const REDIRECTS: readonly Fault[] = [
  {
    name: "redirect-loop",
    what: "a redirect to itself",
    act: redirect(""),
    lasting: FAILED,
    once: [],
  },
  {
    name: "redirect-nowhere",
    what: "a redirect to something that is no URL",
    act: redirect("http://["),
    lasting: FAILED,
    once: FAILED,
  },
  {
    name: "redirect-other-scheme",
    what: "a redirect to another scheme",
    act: redirect("file:///etc/passwd"),
    lasting: FAILED,
    once: FAILED,
  },
  {
    name: "redirect-closed-port",
    what: "a redirect to a port where nobody listens",
    act: redirect("http://127.0.0.1:1/x", 307),
    lasting: FAILED,
  },
  {
    name: "redirect-without-location",
    what: "a redirect that does not say where to",
    act: (wire) => wire.send(plain(301)),
    lasting: FAILED,
    once: FAILED,
  },
];
