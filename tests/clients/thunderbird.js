// Helpers for the scripts that tests/clients/thunderbird.py runs in Thunderbird's main window. They act through the
// program's own windows, lists and commands, as a person's clicks and keys would.
"use strict";

// Milliseconds to wait for something the program does, and between two looks.
const PATIENCE = 30000;
const PAUSE = 50;

const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

// Waits until `look` gives something; an error that says `what` when it does not in time.
async function until(what, look) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const found = await look();
    if (found) {
      return found;
    }
    if (Date.now() > end) {
      throw new Error(`waited in vain: ${what}`);
    }
    await pause(PAUSE);
  }
}

// ---- the account hub, which sets up accounts ----

const hub = () => document.querySelector("account-hub-container")?.shadowRoot?.querySelector("account-hub-email");

// The element that is seen: the hub keeps all its pages, one of them visible.
const seen = (selector) => Array.from(hub()?.querySelectorAll(selector) ?? []).find((each) => each.checkVisibility());

const page = (id) => until(`the page ${id}`, () => seen(`#${id}`) && !hub().classList.contains("busy"));

async function fill(selector, value) {
  const field = await until(selector, () => seen(selector));
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

async function press(selector) {
  const button = await until(`${selector} can be pressed`, () => {
    const found = seen(selector);
    return found && !found.disabled && found;
  });
  button.click();
}

// ---- accounts and folders ----

const account = () => MailServices.accounts.accounts.find((each) => each.incomingServer.type == "imap");
const root = () => account().incomingServer.rootFolder;

// A folder by its path of names as Thunderbird shows them.
function folderAt(path) {
  let folder = root();
  for (const name of path.split("/")) {
    folder = folder?.subFolders.find((each) => each.localizedName == name);
  }
  return folder;
}

// ---- the window with folders, letters and the letter that is read ----

const pane = () => document.getElementById("tabmail").currentAbout3Pane;
const reader = () => document.getElementById("tabmail").currentAboutMessage;
const command = (name, ...rest) => pane().commandController.doCommand(name, ...rest);

const headers = () =>
  Array.from({ length: pane().gDBView?.rowCount ?? 0 }, (_, row) => pane().gDBView.getMsgHdrAt(row));

// A subject as it is shown: Thunderbird keeps "Re: " apart from it.
const title = (header) => (header.flags & Ci.nsMsgMessageFlags.HasRe ? "Re: " : "") + header.mime2DecodedSubject;
const subjects = () => headers().map(title);

async function openFolder(path) {
  const folder = await until(`the folder ${path}`, () => folderAt(path));
  pane().displayFolder(folder.URI);
  await until(`the view of ${path}`, () => pane().gFolder?.URI == folder.URI && pane().gDBView);
}

// What the button "Get Messages" does.
const getMessages = () => document.defaultView.goDoCommand("cmd_getNewMessages");

const appears = (subject) => until(`${subject} in the list`, () => subjects().includes(subject));
const vanishes = (subject) => until(`${subject} gone from the list`, () => !subjects().includes(subject));

// Selects a letter, and waits until it is shown and, by Thunderbird's doing, read.
async function openLetter(subject) {
  await appears(subject);
  pane().threadTree.selectedIndex = subjects().indexOf(subject);
  await until(`${subject} is shown`, () => reader()?.gMessage && title(reader().gMessage) == subject && body());
  await until(`${subject} is read`, () => reader().gMessage.isRead);
}

const body = () => reader().getMessagePaneBrowser().contentDocument?.body?.textContent.trim();

// ---- the window that a letter is written in ----

const composeWindow = () => Services.wm.getMostRecentWindow("msgcompose");

async function composeReady() {
  const compose = await until("a window to write in", composeWindow);
  await until("its editor", () => compose.composeEditorReady && compose.gMsgCompose?.editor);
  return compose;
}

async function sendAndClose() {
  const compose = composeWindow();
  compose.goDoCommand("cmd_sendNow");
  await until("the letter is sent", () => compose.closed);
}
