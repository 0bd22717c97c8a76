// One's account: who one is here, by what one proves it, which programs act for one, and money that goes out.
import { own } from "../../account/line.ts";
import { zone } from "../../account/moments.ts";
import { Private } from "../../account/private.tsx";
import { useProfile } from "../../account/profile.ts";
import { useAnswer } from "../../net/answer.ts";
import { person } from "../../net/session.ts";
import type { AccountShown } from "../../net/v1.ts";
import { Fact, Panel, Wrong } from "../../parts/parts.tsx";
import "./account.css";
import { Activity } from "./activity.tsx";
import { CancelAfter } from "./cancel_after.tsx";
import { KeysPanel } from "./keys_panel.tsx";
import { Password } from "./password.tsx";
import { Profile } from "./profile.tsx";
import { SecondFactor } from "./second_factor.tsx";
import { Sessions } from "./sessions.tsx";
import { Withdrawals } from "./withdrawals.tsx";

export function Place() {
  return (
    <Private>
      <Account key={person.value?.account} />
    </Private>
  );
}

/** It is one person's: what another has typed is gone when somebody else logs in. */
function Account() {
  const account = useAnswer<AccountShown>("/v1/account", own.account.value);
  const profile = useProfile();
  return (
    <div class="place account">
      <h1>Account</h1>
      <Wrong text={account.wrong} />
      <CancelAfter />
      <Panel title="You">
        <dl class="facts">
          <Fact name="Name">
            <bdi class="cut">{person.value?.name}</bdi>
          </Fact>
          <Fact name="Role">{person.value?.role}</Fact>
          <Fact name="Account">{person.value?.account}</Fact>
          <Fact name="Times are shown in">{zone.value}</Fact>
        </dl>
        <Profile answer={profile.found} problem={profile.wrong} saved={profile.again} />
      </Panel>
      <Panel title="Authenticator">
        {account.found !== null && <SecondFactor account={account.found} changed={account.again} />}
      </Panel>
      <Panel title="Password">
        <Password />
      </Panel>
      <Sessions />
      <KeysPanel />
      <Withdrawals />
      <Activity />
    </div>
  );
}
