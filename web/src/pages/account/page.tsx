// One's account: who one is here, by what one proves it, which programs act for one, and money that goes out.
import { useEffect } from "preact/hooks";
import { own } from "../../account/line.ts";
import { wishes, zone } from "../../account/moments.ts";
import { Private } from "../../account/private.tsx";
import { useAnswer } from "../../net/answer.ts";
import { person } from "../../net/session.ts";
import type { AccountShown, ProfileShown } from "../../net/v1.ts";
import { Notice, Panel } from "../../parts/parts.tsx";
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
  const profile = useAnswer<ProfileShown>("/v1/account/profile");
  useEffect(() => {
    wishes.value = { language: profile.found?.language ?? "", time_zone: profile.found?.time_zone ?? "" };
  }, [profile.found]);
  return (
    <div class="place account">
      <h1>Account</h1>
      {account.wrong !== null && <Notice isBad>{account.wrong}</Notice>}
      <CancelAfter />
      <Panel title="You">
        <dl class="facts">
          <div>
            <dt>Name</dt>
            <dd class="cut">
              <bdi>{person.value?.name}</bdi>
            </dd>
          </div>
          <div>
            <dt>Role</dt>
            <dd>{person.value?.role}</dd>
          </div>
          <div>
            <dt>Account</dt>
            <dd>{person.value?.account}</dd>
          </div>
          <div>
            <dt>Times are shown in</dt>
            <dd>{zone.value}</dd>
          </div>
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
