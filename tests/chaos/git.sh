# needs: git
export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE=2020-01-01T00:00:00Z GIT_COMMITTER_DATE=2020-01-01T00:00:00Z
case $1 in quick) n=30 ;; *) n=300 ;; esac
git config --global user.name a
git config --global user.email a@b
git config --global init.defaultBranch main
git config --global gc.auto 0
git init -q r && cd r || exit 1
for ((i = 1; i <= n; i++)); do seq $i $((i + 200)) > f$i; done
git add . && git commit -qm one
for ((i = 1; i <= n; i += 3)); do echo $i >> f$i; done
git commit -qam two
git checkout -qb side HEAD~1 && seq 5 > side && git add side && git commit -qm side
git checkout -q main && git merge -q -m merged side
git mv f1 g1 && git commit -qm three
git gc -q && git fsck --full 2>&1
git clone -q . ../c && cd ../c || exit 1
git fsck --full 2>&1
git log --stat --oneline | sha1sum
git diff HEAD~1 | sha1sum
git blame f4 | sha1sum
git rev-parse HEAD
git archive HEAD | sha1sum
