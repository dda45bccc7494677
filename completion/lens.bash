# bash completion for lens(1)

# Where the program of `lens run` or `lens profile` stands among the words, or nothing if it is not there yet.
_lens_program()
{
    local i
    for ((i = 2; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --) echo $((i + 1)); return ;;
        --plan | --budget | --fault | --store | --store-dir | --store-limit | --slowdown-limit | --trust-backing | --chaos | --stats | -o | --output | --sample) ((i++)) ;;
        -*) ;;
        *) echo "$i"; return ;;
        esac
    done
}

# Completes the words of the program; false if the cursor stands before it.
_lens_in_program()
{
    local current=$1 program
    program=$(_lens_program)
    [[ -n $program ]] && ((COMP_CWORD >= program)) || return 1
    if ((COMP_CWORD == program)); then
        mapfile -t COMPREPLY < <(compgen -c -- "$current")
    elif declare -F _command_offset > /dev/null; then
        _command_offset "$program"
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}

_lens_profile()
{
    local current=$1 previous=$2
    _lens_in_program "$current" && return
    case $previous in
    -o | --output) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    --sample) mapfile -t COMPREPLY < <(compgen -W "16K 128K 1M" -- "$current") ;;
    *)
        if [[ $current == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--output --sample --full --use --quiet --help --" -- "$current")
        else
            mapfile -t COMPREPLY < <(compgen -c -- "$current")
        fi
        ;;
    esac
}

_lens_run()
{
    local current=$1 previous=$2
    _lens_in_program "$current" && return
    case $previous in
    --plan | --stats) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    --store-dir) mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
    --budget) mapfile -t COMPREPLY < <(compgen -W "auto 10% 25% 50% 64M 256M 1G" -- "$current") ;;
    --store-limit) mapfile -t COMPREPLY < <(compgen -W "256M 1G 4G" -- "$current") ;;
    --slowdown-limit) mapfile -t COMPREPLY < <(compgen -W "off 1.5 2 5 10" -- "$current") ;;
    --fault) mapfile -t COMPREPLY < <(compgen -W "auto inthread thread protect off" -- "$current") ;;
    --trust-backing) mapfile -t COMPREPLY < <(compgen -W "strict lease replace-only" -- "$current") ;;
    --store) mapfile -t COMPREPLY < <(compgen -W "auto none memory disk" -- "$current") ;;
    *)
        if [[ $current == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--plan --budget --fault --store --store-dir --store-limit --slowdown-limit --trust-backing --chaos --stats \
                --quiet --verbose --help --" -- "$current")
        else
            mapfile -t COMPREPLY < <(compgen -c -- "$current")
        fi
        ;;
    esac
}

_lens()
{
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words=
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "run profile report diff top check lenses doctor store help --version --help" -- "$current")
        return
    fi
    if [[ $previous == --store-dir || $previous == --debug-dir ]]; then
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
        return
    fi
    case ${COMP_WORDS[1]} in
    run) _lens_run "$current" "$previous"; return ;;
    profile) _lens_profile "$current" "$previous"; return ;;
    report)
        case $previous in
        --sort) words="peak bytetime idle saving" ;;
        --top | --frames) words="1 3 10" ;;
        *)
            if [[ $current == -* ]] && [[ $previous != --json && $previous != --folded && $previous != --pprof && $previous != --html && $previous != --plan ]]; then
                words="--top --sort --frames --json --folded --pprof --html --plan --debug-dir --quiet --help"
            else
                mapfile -t COMPREPLY < <(compgen -f -- "$current")
                return
            fi
            ;;
        esac
        ;;
    diff)
        case $previous in
        --sort) words="peak bytes bytetime" ;;
        --top | --frames) words="1 3 10" ;;
        *)
            if [[ $current == -* && $previous != --json ]]; then words="--top --sort --frames --json --debug-dir --help"; else
                mapfile -t COMPREPLY < <(compgen -f -- "$current")
                return
            fi
            ;;
        esac
        ;;
    top)
        case $previous in
        --interval) words="0.5 1 5" ;;
        --count | --top) words="1 10 20" ;;
        *)
            words="--interval --count --top --help"
            [[ $current == -* ]] || words=$(lens top 2> /dev/null | sed -n 's/^ *\([0-9][0-9]*\)  .*/\1/p')
            ;;
        esac
        ;;
    check)
        if [[ $current == -* ]]; then words="--print --help"; else
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return
        fi
        ;;
    lenses) words="$(lens lenses 2> /dev/null | cut -d' ' -f1) --help" ;;
    doctor) words="--json --store-dir --help" ;;
    store)
        case $previous in
        --store) words="memory disk" ;;
        --limit) words="0 256M 1G 4G" ;;
        *) words="ls verify gc --limit --store --store-dir --help" ;;
        esac
        ;;
    help) words="run profile report diff top check lenses doctor store help" ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o filenames -o bashdefault -F _lens lens
